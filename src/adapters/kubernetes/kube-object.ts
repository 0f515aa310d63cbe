/** Something that the API server said, not yet looked into. */
export type Fields = Readonly<Record<string, unknown>>;

/** An object of the Kubernetes API, as far as every kind has it. */
export interface KubeObject {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Grows with every change of what is wished for; 0 where the kind has none. */
  readonly generation: number;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly metadata: Fields;
  readonly spec: Fields;
  readonly status: Fields;
  readonly raw: Fields;
}

/** A JSON object's fields; none when it is something else. */
export function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

/** The text of a field that must be one; empty when it is not. */
export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Counts that are zero are left out by the API server. */
export function count(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function texts(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fields(value)).map(([key, item]) => [key, String(item)]));
}

export function kubeObject(value: unknown): KubeObject {
  const raw = fields(value);
  const metadata = fields(raw["metadata"]);
  return {
    kind: text(raw["kind"]),
    name: text(metadata["name"]),
    namespace: text(metadata["namespace"]),
    uid: text(metadata["uid"]),
    resourceVersion: text(metadata["resourceVersion"]),
    generation: count(metadata["generation"]),
    createdAt: text(metadata["creationTimestamp"]),
    labels: texts(metadata["labels"]),
    annotations: texts(metadata["annotations"]),
    metadata,
    spec: fields(raw["spec"]),
    status: fields(raw["status"]),
    raw,
  };
}
