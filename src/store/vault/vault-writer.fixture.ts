// Puts one tree after another into a vault until it is killed; each name that was given is printed.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { openVault } from "./vault.ts";

const [folder, run] = process.argv.slice(2) as [string, string];
const clock = { now: () => Date.now(), sleep: (span: number) => setTimeout(span) };
const vault = await openVault({ folder: join(folder, "vault"), clock });
for (let turn = 0; ; turn++) {
  const source = join(folder, `source-${run}`);
  mkdirSync(source, { recursive: true });
  writeFileSync(join(source, "shared"), "the same in all");
  writeFileSync(join(source, "own"), `${run}-${turn}-`.repeat(2000));
  const { digest } = await vault.put(`${run}-${turn}`, source);
  process.stdout.write(`${run}-${turn} ${digest}\n`);
}
