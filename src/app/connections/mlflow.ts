import { z } from "zod";
import { createMlflowAdapter } from "../../adapters/mlflow/index.ts";
import { parseDuration } from "../../core/time.ts";
import { type ConnectionKind, type ConnectionWorld, secretReference } from "./connection.ts";

/** Zod runs every refinement, so the later ones meet texts that are no address. */
const webAddress = z
  .url({ protocol: /^https?$/, error: "must be an http:// or https:// address" })
  .max(2000)
  .refine((text) => !URL.canParse(text) || new URL(text).username === "", "must carry no user or password");
const baseAddress = webAddress.refine((text) => !/[?#]/.test(text), "must carry neither query nor fragment");

const duration = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) > 0, "must be a time such as 5s")
  .transform((text) => parseDuration(text) as number);

/** `url` for one process, `urls` for several. */
const addressed = {
  url: webAddress.optional(),
  urls: z.array(webAddress).min(1).max(100).optional(),
  token: secretReference.optional(),
};

const oneOf = (a: string, b: string) => ({
  check: (value: Readonly<Record<string, unknown>>) => (value[a] === undefined) !== (value[b] === undefined),
  error: `needs either ${a} or ${b}`,
});
const either = oneOf("url", "urls");
const saying = oneOf("field", "header");

const servingPoint = z
  .strictObject({
    ...addressed,
    field: z.string().min(1).max(200).optional(),
    header: z
      .string()
      .regex(/^[\w-]{1,100}$/, "is no name of a header")
      .optional(),
  })
  .refine(either.check, either.error)
  .refine(saying.check, saying.error);

const reloadPoint = z
  .strictObject({ ...addressed, method: z.enum(["POST", "PUT"]).default("POST") })
  .refine(either.check, either.error);

const aliasKey = z.string().regex(/^[^/:]+@[\w-]+$/, "is written NAME@ALIAS, as in loan-approval@champion");

const settings = z.strictObject({
  url: baseAddress,
  auth: z
    .union(
      [
        z.strictObject({ token: secretReference }),
        z.strictObject({ user: z.string().min(1).max(200), password: secretReference }),
      ],
      {
        error: "is either { token: ... } or { user: ..., password: ... }",
      },
    )
    .optional(),
  artefacts: z.enum(["bytes", "list", "none"]).default("bytes"),
  "bytes-up-to": z
    .int()
    .min(0)
    .max(2 ** 40)
    .optional(),
  fence: z.boolean().default(true),
  timeout: duration.optional(),
  serving: z.record(aliasKey, servingPoint).default({}),
  reload: z.record(aliasKey, reloadPoint).default({}),
});

export type MlflowSettings = z.infer<typeof settings>;

/** Aliases of MLflow 3's registry: models and prompts. */
export const mlflow: ConnectionKind<MlflowSettings> = {
  kind: "mlflow",
  summary: "Moves aliases of models and prompts in an MLflow 3 registry",
  settings,
  connect(name, given, world) {
    const { url, artefacts, fence, timeout } = given;
    const upTo = given["bytes-up-to"];
    return {
      restore: createMlflowAdapter({
        scheme: name,
        url,
        fence,
        artefacts: { look: artefacts, ...(upTo === undefined ? {} : { upTo }) },
        serving: mapValues(given.serving, (point) => ({
          ...addresses(point, world),
          says: point.header === undefined ? { field: point.field ?? "" } : { header: point.header },
        })),
        reload: mapValues(given.reload, (point) => ({ ...addresses(point, world), method: point.method })),
        ...(timeout === undefined ? {} : { timeoutMs: timeout }),
        ...authorised(given.auth, world),
      }),
    };
  },
};

type Addressed = z.infer<typeof servingPoint> | z.infer<typeof reloadPoint>;

function addresses({ url, urls, token }: Addressed, world: ConnectionWorld) {
  return { urls: urls ?? (url === undefined ? [] : [url]), ...authorised(token && { token }, world) };
}

function authorised(auth: MlflowSettings["auth"], { secret }: ConnectionWorld): { authorization?: string } {
  if (auth === undefined) return {};
  if ("token" in auth) return { authorization: `Bearer ${secret(auth.token)}` };
  const pair = Buffer.from(`${auth.user}:${secret(auth.password)}`, "utf8").toString("base64");
  return { authorization: `Basic ${pair}` };
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
