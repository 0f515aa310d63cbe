import { RollbookError } from "../../core/errors.ts";
import type { CommandInput, Run } from "../command.ts";
import { show } from "../systems.ts";

/** Puts models, prompts, configs and data into the vault of a served folder, lists and verifies it. */
export const vault: Run = async (input) => {
  const { openLocalVault } = await import("../../app/local-vault.ts");
  const [verb, label, path] = input.words;
  const store = await openLocalVault(input.options.folder ?? ".");
  if (verb === "put") {
    if (!label || !path) throw new RollbookError("USAGE", { what: "Usage: rollbook vault put LABEL PATH" });
    const put = await store.put(label, path).catch(unreadable(path));
    tell(input, put, `${label}: ${put.digest}`);
    return 0;
  }
  if (verb === "list") {
    const all = await store.list();
    tell(
      input,
      all,
      all.map(({ digest, labels }) => `${digest}  ${labels.join(", ")}`).join("\n") || "the vault is empty",
    );
    return 0;
  }
  const found = await store.verify({ signal: input.interrupted() });
  tell(input, found, JSON.stringify(found, undefined, 2));
  const flaws = Object.values(found).some((value) => Array.isArray(value) && value.length > 0);
  return flaws ? 6 : 0;
};

function tell(input: CommandInput, data: object, text: string): void {
  if (input.options.json) show(input, data);
  else input.out(text);
}

function unreadable(path: string) {
  return (error: Error): never => {
    throw new RollbookError("FILE_UNREADABLE", { file: path, reason: error.message });
  };
}
