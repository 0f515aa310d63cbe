import { RollbookError } from "../../core/errors.ts";
import { fields, type KubeObject, kubeObject, list, text } from "./kube-object.ts";
import type { KubeAnswer, KubeTransport } from "./kube-transport.ts";

/** Objects in one page of a list. */
const PAGE = 500;
/** Pages that are read at most: what has more is not ours to roll back. */
const MOST_PAGES = 40;

/** The API server gave no usable answer to a read; `status` when it gave one at all. */
export class KubeFailure extends Error {
  readonly status: number | undefined;

  constructor(reason: string, status?: number) {
    super(reason);
    this.name = "KubeFailure";
    this.status = status;
  }
}

/** Reads objects of one cluster. Throws `KubeFailure` unless the object is there (or is clearly not). */
export interface KubeReader {
  get(path: string): Promise<KubeObject | undefined>;
  list(path: string, query?: Readonly<Record<string, string>>): Promise<readonly KubeObject[]>;
}

export function createKubeReader(transport: KubeTransport, signal: AbortSignal): KubeReader {
  const read = async (path: string) => transport.call({ method: "GET", path }, signal);
  return {
    async get(path) {
      const answer = await read(path);
      if (answer.kind === "answer" && answer.status === 404) return undefined;
      return kubeObject(bodyOf(answer, path));
    },
    async list(path, query = {}) {
      const found: KubeObject[] = [];
      let next = "";
      for (let page = 0; page < MOST_PAGES; page++) {
        const search = new URLSearchParams({ ...query, limit: String(PAGE), ...(next ? { continue: next } : {}) });
        const body = bodyOf(await read(`${path}?${search}`), path);
        found.push(...list(body["items"]).map(kubeObject));
        next = text(fields(body["metadata"])["continue"]);
        if (next === "") return found;
      }
      throw new KubeFailure(`${path} has more than ${PAGE * MOST_PAGES} objects`);
    },
  };
}

/** What the API server said of a failure, for people. */
export function saidIn(answer: KubeAnswer): string {
  if (answer.kind === "silence") return answer.reason;
  const message = text(answer.body["message"]);
  return message === "" ? `it answers ${answer.status}` : `${answer.status}: ${message.slice(0, 300)}`;
}

function bodyOf(answer: KubeAnswer, path: string) {
  if (answer.kind === "silence") throw new KubeFailure(answer.reason);
  if (answer.status === 200) return answer.body;
  throw new KubeFailure(`${saidIn(answer)} (GET ${path})`, answer.status);
}

/** Any error as a reason: reads fail in many ways, and none may leave the adapter. */
export function failureReason(error: unknown): string {
  if (error instanceof KubeFailure) return error.message;
  if (error instanceof RollbookError) return error.message;
  return error instanceof Error ? error.message : String(error);
}
