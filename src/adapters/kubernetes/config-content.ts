import { type Digest, digestOfJson, type Json } from "../../core/digest.ts";
import { KubeFailure, type KubeReader } from "./kube-client.ts";
import { fields, type KubeObject, text } from "./kube-object.ts";
import { type ConfigReference, configReferences } from "./pod-template.ts";

/** What ConfigMaps and Secrets of one namespace hold now, as hashes; each is read once. Contents are never kept. */
export interface ConfigContent {
  /** For each reference its hash, or `absent`. Throws `KubeFailure` when one may not be read. */
  of(template: unknown): Promise<Readonly<Record<string, Digest | "absent">>>;
  /** When somebody last wrote what the template refers to; undefined where the server does not say. */
  writtenAt(reference: ConfigReference): Promise<string | undefined>;
}

interface Known {
  readonly hash: Digest | "absent";
  readonly writtenAt: string | undefined;
}

/** `secrets: false` leaves Secrets out, for identities that may not read them. */
export function createConfigContent(reader: KubeReader, namespace: string, secrets: boolean): ConfigContent {
  const known = new Map<string, Promise<Known>>();

  const look = (reference: ConfigReference): Promise<Known> => {
    const path = `/api/v1/namespaces/${namespace}/${reference.kind}/${reference.name}`;
    const found = known.get(path) ?? reader.get(path).then(knownOf, (error) => refusal(error, reference));
    known.set(path, found);
    return found;
  };

  return {
    async of(template) {
      const references = configReferences(template).filter(({ kind }) => secrets || kind !== "secrets");
      const entries = references.map(async (one) => [`${one.kind}/${one.name}`, (await look(one)).hash] as const);
      return Object.fromEntries(await Promise.all(entries));
    },
    writtenAt: async (reference) => (await look(reference)).writtenAt,
  };
}

function knownOf(object: KubeObject | undefined): Known {
  if (object === undefined) return { hash: "absent", writtenAt: undefined };
  const { data, binaryData } = object.raw;
  const hash = digestOfJson({ data: fields(data) as Json, binaryData: fields(binaryData) as Json });
  const managed = object.metadata["managedFields"];
  const times = Array.isArray(managed) ? managed.map((one) => text(fields(one)["time"])) : [];
  return { hash, writtenAt: times.sort().at(-1) || object.createdAt || undefined };
}

function refusal(error: unknown, { kind, name }: ConfigReference): never {
  if (error instanceof KubeFailure && error.status === 403) {
    const way = kind === "secrets" ? ", or set secrets: false" : "";
    throw new KubeFailure(
      `${kind}/${name} may not be read, so what runs has no identity: grant get on ${kind}${way}`,
      403,
    );
  }
  throw error;
}
