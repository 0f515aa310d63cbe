import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { digestOfJson } from "../../core/digest.ts";
import { configReferences, imagesOf, normalisedTemplate, writableTemplate } from "./pod-template.ts";
import { canonicalQuantity } from "./quantity.ts";

const identity = (template: unknown) => digestOfJson(normalisedTemplate(template));

/** As people write it. */
const written = {
  metadata: { labels: { app: "scorer" } },
  spec: {
    serviceAccountName: "scorer",
    containers: [
      {
        name: "main",
        image: "scorer:1.0",
        ports: [{ containerPort: 8080 }],
        env: [{ name: "EMPTY", value: "" }],
        resources: { limits: { cpu: 1, memory: "1Gi" } },
        readinessProbe: { httpGet: { port: 8080 } },
      },
    ],
    volumes: [
      { name: "settings", configMap: { name: "settings" } },
      { name: "scratch", emptyDir: {} },
    ],
  },
};

/** As the API server gives back what its ReplicaSet has. */
const stored = {
  metadata: { creationTimestamp: null, labels: { app: "scorer", "pod-template-hash": "abc" } },
  spec: {
    serviceAccount: "scorer",
    serviceAccountName: "scorer",
    restartPolicy: "Always",
    dnsPolicy: "ClusterFirst",
    schedulerName: "default-scheduler",
    terminationGracePeriodSeconds: 30,
    securityContext: {},
    containers: [
      {
        name: "main",
        image: "scorer:1.0",
        imagePullPolicy: "IfNotPresent",
        ports: [{ containerPort: 8080, protocol: "TCP" }],
        env: [{ name: "EMPTY" }],
        resources: { limits: { cpu: "1", memory: "1024Mi" }, requests: { cpu: "1000m", memory: "1Gi" } },
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File",
        readinessProbe: {
          httpGet: { path: "/", port: 8080, scheme: "HTTP" },
          timeoutSeconds: 1,
          periodSeconds: 10,
          successThreshold: 1,
          failureThreshold: 3,
        },
      },
    ],
    volumes: [
      { name: "settings", configMap: { name: "settings", defaultMode: 420 } },
      { name: "scratch", emptyDir: {} },
    ],
  },
};

describe("the identity of a pod template", () => {
  test("is the same before and after the API server has filled in its defaults", () => {
    assert.deepEqual(normalisedTemplate(stored), normalisedTemplate(written));
  });

  test("does not depend on controllers' hashes or on our own annotations, and does on everybody else's", () => {
    const base = identity(written);
    const annotated = (annotations: object) => ({ ...written, metadata: { ...written.metadata, annotations } });
    assert.equal(identity(annotated({ "rollbook.dev/fence": "7" })), base);
    assert.notEqual(identity(annotated({ "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z" })), base);
    const labels = { app: "scorer", "rollouts-pod-template-hash": "x" };
    assert.equal(identity({ ...written, metadata: { labels } }), base);
  });

  test("changes with whatever changes behaviour, also where it looks like a default elsewhere", () => {
    const [container] = written.spec.containers;
    const variants: readonly object[] = [
      { ...written.spec, containers: [{ ...container, image: "scorer:1.1" }] },
      { ...written.spec, containers: [{ ...container, args: ["--threshold=0.1"] }] },
      { ...written.spec, containers: [{ ...container, env: [{ name: "EMPTY", value: "no" }] }] },
      { ...written.spec, containers: [{ ...container, resources: { limits: { cpu: "1001m", memory: "1Gi" } } }] },
      { ...written.spec, containers: [{ ...container, imagePullPolicy: "Always" }] },
      { ...written.spec, initContainers: [{ name: "sidecar", image: "proxy:1" }] },
      { ...written.spec, initContainers: [{ name: "sidecar", image: "proxy:1", restartPolicy: "Always" }] },
      { ...written.spec, dnsPolicy: "Default" },
      { ...written.spec, nodeSelector: { scheme: "HTTP" } },
      { ...written.spec, affinity: { podAffinity: { x: [{ namespaceSelector: {} }] } } },
      { ...written.spec, affinity: { podAffinity: { x: [{}] } } },
    ];
    const digests = [written, ...variants.map((spec) => ({ ...written, spec }))].map(identity);
    assert.equal(new Set(digests).size, digests.length);
  });

  test("keeps labels whose names or values look like defaults", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom("scheme", "protocol", "limits", "a"), fc.constantFrom("", "HTTP", "TCP", "b")),
        (labels) => {
          const one = { metadata: { labels: { ...labels, app: "x" } }, spec: {} };
          assert.deepEqual(normalisedTemplate(one), { metadata: { labels: { ...labels, app: "x" } }, spec: {} });
        },
      ),
      { numRuns: 50 },
    );
  });

  test("what is written back has everything but the controllers' labels", () => {
    const back = writableTemplate(stored) as typeof stored;
    assert.deepEqual(back, { spec: stored.spec, metadata: { labels: { app: "scorer" } } });
  });

  test("names every ConfigMap and Secret that a pod reads, wherever it is named", () => {
    const references = configReferences({
      spec: {
        volumes: [
          { configMap: { name: "a" } },
          { secret: { secretName: "b" } },
          {
            projected: {
              sources: [{ configMap: { name: "c" } }, { secret: { name: "d" } }, { serviceAccountToken: {} }],
            },
          },
        ],
        imagePullSecrets: [{ name: "registry" }],
        initContainers: [{ envFrom: [{ configMapRef: { name: "e" } }, { secretRef: { name: "f" } }] }],
        containers: [
          {
            env: [
              { name: "X", valueFrom: { configMapKeyRef: { name: "a", key: "x" } } },
              { name: "Y", valueFrom: { secretKeyRef: { name: "g", key: "y" } } },
            ],
          },
        ],
      },
    });
    const named = references.map(({ kind, name }) => `${kind}/${name}`);
    assert.deepEqual(named, [
      "configmaps/a",
      "configmaps/c",
      "configmaps/e",
      "secrets/b",
      "secrets/d",
      "secrets/f",
      "secrets/g",
    ]);
  });

  test("takes whatever an API server may say without throwing", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (metadata, spec) => {
        for (const template of [metadata, { metadata, spec }, { spec: { containers: [spec], volumes: spec } }]) {
          normalisedTemplate(template);
          configReferences(template);
          imagesOf(template);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("a quantity", () => {
  test("has one spelling for equal amounts", () => {
    const equal = [
      ["1", "1000m", "1.0", "1e0", "1000000000n"],
      ["1Gi", "1024Mi", "1073741824"],
      ["1k", "1000", "1e3", "1E3"],
      ["0", "0m", "-0"],
      ["0.5", "500m", ".5"],
      ["1.5Gi", "1536Mi"],
      ["2E", "2e18"],
    ];
    const spellings = equal.map((group) => new Set(group.map(canonicalQuantity)));
    for (const [index, one] of spellings.entries()) assert.equal(one.size, 1, `${equal[index]}: ${[...one]}`);
    assert.equal(new Set(spellings.map((one) => [...one][0])).size, equal.length);
  });

  test("finer than a billionth is rounded up, as the API server rounds", () => {
    assert.deepEqual(["0.0000000001", "1.5n", "-2n"].map(canonicalQuantity), ["1n", "2n", "-2n"]);
  });

  test("that is none stays as it is", () => {
    for (const odd of ["", "m", "1x", "one", ".", "1e9999", "--1"]) assert.equal(canonicalQuantity(odd), odd);
  });

  test("keeps whole numbers apart", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (a, b) => {
        assert.equal(canonicalQuantity(`${a}`) === canonicalQuantity(`${b * 1000}m`), a === b);
      }),
      { numRuns: 100 },
    );
  });
});
