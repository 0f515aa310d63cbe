import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { RollbookError } from "../../core/errors.ts";
import { foreignKinds, type ImportRequest, importText } from "../../operations/import-config.ts";
import type { CommandInput, Run } from "../command.ts";
import { writeNewFiles } from "../starter/new-files.ts";
import { isName, isTraffic } from "../starter/starter.ts";
import { show } from "../systems.ts";
import { read } from "./lint.ts";

/** Prints or writes a foreign config as a playbook; what got lost and what is missing go to stderr. */
export const importAction: Run = async (input) => {
  const file = input.words[0]!;
  const out = input.options.out;
  const answer = importText(read(file), file, requestOf(input, out ?? "the playbook"));
  if (input.options.json) {
    show(input, answer.ok ? { ...answer.imported, lint: answer.lint } : { issues: answer.issues });
    return answer.ok && answer.lint.ok ? 0 : 3;
  }
  if (!answer.ok) {
    input.say(answer.text);
    return 3;
  }
  const { playbook, connections, system } = answer.imported;
  if (out === undefined) {
    input.out(playbook.trimEnd());
    if (connections !== undefined) input.say(`Its connections.yaml:\n\n${connections}`);
  } else {
    const beside = connectionsFile(out, system);
    const files = [
      { path: out, text: playbook },
      ...(connections === undefined ? [] : [{ path: beside, text: connections }]),
    ];
    writeNewFiles(files, input.options.force === true);
    input.out(files.map(({ path }) => path).join("\n"));
    if (connections !== undefined && !beside.endsWith("connections.yaml")) {
      input.say(`There is a connections.yaml already: merge ${beside} into it.`);
    }
  }
  input.say(answer.text);
  input.say(answer.lint.text);
  if (out !== undefined) input.say(`What the change buys: rollbook check ${out} --was ${file} --traffic 1000/s`);
  return answer.lint.ok ? 0 : 3;
};

/** A connections file that is there is not touched; the fragment lies beside it, under a name that `serve` does not read. */
function connectionsFile(out: string, system: string): string {
  const own = join(dirname(out), "connections.yaml");
  return existsSync(own) ? join(dirname(out), `${system}-connections.txt`) : own;
}

/** @throws USAGE when an option is nothing that a playbook can hold */
function requestOf({ options, colour }: CommandInput, playbookFile: string): ImportRequest {
  const { kind, system, owner, risk, traffic } = options;
  const insist = (ok: boolean, name: string, value: string | undefined, wanted: string) => {
    if (value !== undefined && !ok) throw new RollbookError("USAGE", { what: `--${name} ${value} must be ${wanted}` });
  };
  const known = foreignKinds.find((candidate) => candidate === kind);
  insist(known !== undefined, "kind", kind, `one of ${foreignKinds.join(", ")}`);
  for (const [name, value] of Object.entries({ system, owner })) {
    insist(isName(value ?? ""), name, value, "lower-case letters, digits and dashes, such as loan-approval");
  }
  insist(["low", "medium", "high"].includes(risk ?? ""), "risk", risk, "low, medium or high");
  insist(isTraffic(traffic ?? ""), "traffic", traffic, "a rate such as 50/min or 2 answers/s");
  return {
    playbookFile,
    colour,
    ...(known && { kind: known }),
    ...(system !== undefined && { system }),
    ...(owner !== undefined && { owner }),
    ...(risk !== undefined && { risk }),
    ...(traffic !== undefined && { traffic }),
  };
}
