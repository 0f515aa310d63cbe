import { ask } from "../client.ts";
import type { CommandInput } from "../command.ts";
import type { ExitCode } from "../exit-codes.ts";

/** Asked for at once: entries are small, packs are not. */
const ENTRIES = 1000;
const PACKS = 10;

/** The whole record as JSON lines: the signed head, every entry, and the counts whose digests are in them. */
export async function exportLedger(input: CommandInput): Promise<ExitCode> {
  const rollouts = new Map<string, number>();
  let size = 0;
  for await (const entry of pages(input, "entries?", ENTRIES)) {
    const { index, leaf } = entry as { readonly index: number; readonly leaf: string };
    const { type, rollout } = JSON.parse(leaf) as { readonly type: string; readonly rollout?: string };
    if (type === "counts" && rollout !== undefined) rollouts.set(rollout, (rollouts.get(rollout) ?? 0) + 1);
    input.out(JSON.stringify({ index, leaf }));
    size = index + 1;
  }
  // Packs that came after the entries were read have no leaf here.
  for (const [rollout, most] of rollouts) {
    const query = `packs?rollout=${encodeURIComponent(rollout)}&`;
    for await (const pack of pages(input, query, PACKS, most)) input.out(JSON.stringify({ rollout, pack }));
  }
  if (size > 0) input.out(JSON.stringify({ checkpoint: await headOver(input, size) }));
  return 0;
}

/** The newest head may cover more than what was read before it: of those the entries follow. */
async function headOver(input: CommandInput, from: number): Promise<unknown> {
  const { note, size } = (await ask(input, "GET", `/v1/ledger/receipts/${from - 1}`)) as {
    readonly note: string;
    readonly size: number;
  };
  for await (const entry of pages(input, "entries?", ENTRIES, size, from)) input.out(JSON.stringify(entry));
  return { size, root: note.split("\n")[2], note };
}

async function* pages(input: CommandInput, query: string, limit: number, most = Number.MAX_SAFE_INTEGER, first = 0) {
  for (let from = first; from < most; from += limit) {
    const path = `/v1/ledger/${query}from=${from}&limit=${Math.min(limit, most - from)}`;
    const page = (await ask(input, "GET", path)) as readonly unknown[];
    yield* page;
    if (page.length < limit) return;
  }
}
