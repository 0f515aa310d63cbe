import { RollbookError } from "../../core/errors.ts";
import { ask } from "../client.ts";
import { columns } from "../columns.ts";
import type { CommandInput, Run } from "../command.ts";
import type { ExitCode } from "../exit-codes.ts";
import { show } from "../systems.ts";
import { exportLedger } from "./ledger-export.ts";
import { jsonIn, keyOf } from "./ledger-files.ts";

/** The record: verified and listed by a running Rollbook, checked by anybody. */
export const ledger: Run = async (input) => {
  const [what, given] = input.words;
  const needs = { receipt: "INDEX", key: "FILE", check: "FILE" }[what ?? ""];
  if ((needs !== undefined) !== (given !== undefined))
    throw new RollbookError("USAGE", { what: `Usage: rollbook ledger ${what} ${needs ?? ""}`.trimEnd() });
  if (what === "entries") return entries(input);
  if (what === "export") return exportLedger(input);
  if (what === "receipt") return receipt(input, given!);
  if (what === "key") return publicKey(input, given!);
  if (what === "check") return check(input, given!);
  return verify(input);
};

async function verify(input: CommandInput): Promise<ExitCode> {
  const answer = (await ask(input, "GET", "/v1/ledger/verify")) as {
    readonly kind: string;
    readonly size?: number;
    readonly pending?: number;
    readonly root?: string;
    readonly index?: number;
    readonly reason?: string;
  };
  if (input.options.json) show(input, answer);
  else if (answer.kind === "verified")
    input.out(`verified: ${answer.size} entries signed, ${answer.pending} more follow; root ${answer.root}`);
  else input.out(`BROKEN${answer.index === undefined ? "" : ` at entry ${answer.index}`}: ${answer.reason}`);
  return answer.kind === "verified" ? 0 : 30;
}

async function entries(input: CommandInput): Promise<ExitCode> {
  const { from = "0", limit = "100" } = input.options;
  const query = `from=${wholeNumber("--from", from)}&limit=${wholeNumber("--limit", limit)}`;
  const found = (await ask(input, "GET", `/v1/ledger/entries?${query}`)) as readonly {
    readonly index: number;
    readonly leaf: string;
  }[];
  if (input.options.json) show(input, found);
  else if (found.length === 0) input.say("no entries there");
  else
    input.out(
      columns(
        found.map(({ index, leaf }) => entryRow(index, leaf)),
        0,
      ),
    );
  return 0;
}

function entryRow(index: number, leaf: string): readonly string[] {
  const {
    at,
    type,
    system,
    actor,
    rollout = "-",
    data,
  } = JSON.parse(leaf) as {
    readonly at: number;
    readonly type: string;
    readonly system: string;
    readonly actor: string;
    readonly rollout?: string;
    readonly data: unknown;
  };
  return [String(index), new Date(at).toISOString(), system, type, actor, rollout, JSON.stringify(data).slice(0, 120)];
}

async function receipt(input: CommandInput, index: string): Promise<ExitCode> {
  show(input, await ask(input, "GET", `/v1/ledger/receipts/${wholeNumber("INDEX", index)}`));
  return 0;
}

/** The public half, from the file that holds the private one (or the public one already). */
async function publicKey(input: CommandInput, file: string): Promise<ExitCode> {
  const pem = keyOf(file).export({ type: "spki", format: "pem" }).toString().trimEnd();
  if (input.options.json) show(input, { publicKey: pem });
  else input.out(pem);
  return 0;
}

/** Checks a receipt with nothing but the public key. */
async function check(input: CommandInput, file: string): Promise<ExitCode> {
  const { key, origin } = input.options;
  if (key === undefined)
    throw new RollbookError("USAGE", { what: "ledger check needs --key FILE, the ledger's public key" });
  const { verifyReceipt } = await import("../../app/receipt-check.ts");
  const verdict = verifyReceipt(jsonIn(file), keyOf(key), origin);
  if (input.options.json) show(input, verdict);
  else if (verdict.kind === "verified")
    input.out(`verified: entry ${verdict.index} of ${verdict.size} in ${verdict.origin}`);
  else input.out(`BROKEN: ${verdict.reason}`);
  return verdict.kind === "verified" ? 0 : 30;
}

function wholeNumber(what: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new RollbookError("USAGE", { what: `${what} must be a whole number, not "${text}"` });
}
