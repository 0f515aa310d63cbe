import { isRoute, type Playbook, type Undo } from "../core/playbook.ts";
import { undoWords } from "./language/what-keys.ts";
import type { LintContext, LintFinding } from "./lint-playbook.ts";

/** `undeclared`: what serves the address leaves it to the playbook. */
export type DeclaredUndo = Undo | "undeclared";

/**
 * What each kind of connection declares of a change at its addresses, for a playbook that is read without its connections: a
 * connection is called like its kind there. Of any other scheme nobody knows.
 */
export const undoByKind: Readonly<Record<string, DeclaredUndo>> = {
  command: "undeclared",
  fingerprint: "irreversible",
  flags: "compensatable",
  flyway: "undeclared",
  git: "compensatable",
  http: "undeclared",
  k8s: "compensatable",
  kubernetes: "compensatable",
  launchdarkly: "compensatable",
  mlflow: "compensatable",
  "sql-schema": "undeclared",
  vault: "compensatable",
};

const byKind = (at: string): DeclaredUndo | undefined => {
  const scheme = at.split("://")[0] ?? "";
  return Object.hasOwn(undoByKind, scheme) ? undoByKind[scheme] : undefined;
};

/** Every component says whether its change can be undone, or its connector declares it; else the playbook is refused. */
export function lintUndo({ components }: Playbook, { undoAt = byKind }: LintContext): readonly LintFinding[] {
  return components
    .filter((component) => !isRoute(component) && component.undo === undefined)
    .flatMap(({ name, at, beside }): LintFinding[] => {
      const place = [at, ...(beside === undefined ? [] : [beside])].find((one) => undoAt(one) === "undeclared");
      if (place === undefined) return [];
      const second = beside === undefined ? "" : `, beside: "${beside}"`;
      return [
        {
          level: "error",
          name: "undeclared-undo",
          about: `what.${name}`,
          message: `Whether a change of \`${name}\` can be undone is not known: its connection cannot tell what stands behind \`${place}\`, and the playbook does not say.`,
          hint: `Write \`${name}: { at: "${at}"${second}, undo: redeploy }\`, or another of ${Object.keys(undoWords).join(", ")}.`,
        },
      ];
    });
}
