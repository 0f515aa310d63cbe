import { z } from "zod";
import { type Argv, createCommandAdapter } from "../../adapters/command/index.ts";
import { type ConnectionKind, secretReference, undoWord } from "./connection.ts";
import { recordOf } from "./record-of.ts";

/** What programs get of this process's own environment; everything else is named in `environment`. */
const INHERITED = ["PATH", "HOME", "LANG", "TMPDIR"];

const argv = z
  .array(z.string().regex(/^[^\0]*$/, "an argument has no NUL"))
  .min(1, "a program and its arguments, as a list: no shell reads it")
  .max(100)
  .transform((list) => list as [string, ...string[]]);

const component = z.strictObject({
  read: argv,
  apply: argv,
  holds: argv.optional(),
  resolve: argv.optional(),
  seen: argv.optional(),
  concerns: argv.optional(),
  identify: argv.optional(),
  undo: undoWord.optional(),
  guarantee: z.enum(["cas", "idempotent", "blind"]).default("blind"),
  "timeout-ms": z.number().int().min(10).max(600_000).default(10_000),
});

const settings = z.strictObject({
  components: recordOf(
    /^[a-z0-9][a-z0-9._-]*$/,
    "a component's name is made of a-z, 0-9, dots and dashes",
    component,
  ).refine((all) => Object.keys(all).length > 0, "name at least one component"),
  environment: recordOf(
    /^(?!ROLLBOOK_)[A-Za-z_][A-Za-z0-9_]*$/,
    "the name of a variable; ROLLBOOK_... are Rollbook's own",
    z.union([z.string(), secretReference]),
  ).default({}),
});

/** Anything that a program can read and change; see docs/adapters/command.md. */
export const command: ConnectionKind<z.infer<typeof settings>> = {
  kind: "command",
  summary: "components that are read and changed by programs of yours",
  settings,
  connect(name, { components, environment }, { folder, secret }) {
    const inherited = INHERITED.flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]]));
    const declared = Object.entries(environment).map(([key, value]) => [
      key,
      typeof value === "string" ? value : secret(value),
    ]);
    return {
      restore: createCommandAdapter({
        scheme: name,
        folder,
        environment: Object.fromEntries([...inherited, ...declared]),
        components: Object.fromEntries(
          Object.entries(components).map(
            ([key, { "timeout-ms": timeoutMs, undo, guarantee, read, apply, ...rest }]) => {
              const optional = Object.fromEntries(Object.entries(rest).filter(([, program]) => program !== undefined));
              const said = { guarantee, timeoutMs, ...(undo === undefined ? {} : { undo }) };
              return [key, { read, apply, ...said, ...(optional as Readonly<Record<string, Argv>>) }];
            },
          ),
        ),
      }),
    };
  },
};
