import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { RollbookError } from "../../core/errors.ts";
import { ask, Refusal } from "../client.ts";
import type { CommandInput, Run } from "../command.ts";
import { show } from "../systems.ts";

/** The server takes 5,000 items and 1 MiB at once. */
const MOST_ITEMS = 2000;
const MOST_BYTES = 500_000;
const SHOWN = 20;

interface Flaw {
  readonly line: number;
  readonly reason: string;
}

interface Answer {
  readonly accepted: number;
  readonly rejected: number;
  readonly flaws?: readonly { readonly index: number; readonly reason: string }[];
}

interface Line {
  readonly number: number;
  readonly item: unknown;
}

/** Sends a file of JSON lines in batches. What is no JSON is a flaw of its line, and does not stop the others. */
export const outcomes: Run = async (input) => {
  const flaws: Flaw[] = [];
  const counted = { accepted: 0, rejected: 0 };
  const reject = (flaw: Flaw) => {
    counted.rejected++;
    flaws.push(flaw);
  };
  /** A batch with one malformed item is refused as a whole: halves find the item, and sending twice counts once. */
  const send = async (batch: readonly Line[]): Promise<void> => {
    if (batch.length === 0) return;
    const body = { outcomes: batch.map(({ item }) => item) };
    const answer = await ask(input, "POST", "/v1/outcomes", body).catch((error: unknown) => {
      if (error instanceof Refusal && error.problem.code === "REQUEST_INVALID") return error;
      throw error;
    });
    if (answer instanceof Refusal) {
      const half = Math.ceil(batch.length / 2);
      if (batch.length === 1) return reject({ line: batch[0]!.number, reason: answer.message });
      await send(batch.slice(0, half));
      return send(batch.slice(half));
    }
    const { accepted, rejected, flaws: found = [] } = answer as Answer;
    counted.accepted += accepted;
    counted.rejected += rejected;
    for (const { index, reason } of found) flaws.push({ line: batch[index]?.number ?? 0, reason });
  };
  for await (const batch of batchesOf(input, reject)) await send(batch);
  if (input.options.json) show(input, { ...counted, flaws });
  else {
    for (const { line, reason } of flaws.slice(0, SHOWN)) input.say(`line ${line}: ${reason}`);
    input.out(`${counted.accepted} accepted, ${counted.rejected} rejected`);
  }
  return counted.rejected === 0 ? 0 : 6;
};

async function* batchesOf(input: CommandInput, flawed: (flaw: Flaw) => void): AsyncIterable<readonly Line[]> {
  let batch: Line[] = [];
  let [bytes, number] = [0, 0];
  for await (const text of linesOf(input)) {
    number++;
    if (text.trim() === "") continue;
    let item: unknown;
    try {
      item = JSON.parse(text);
    } catch (error) {
      flawed({ line: number, reason: `not JSON: ${(error as Error).message}` });
      continue;
    }
    if (batch.length >= MOST_ITEMS || (batch.length > 0 && bytes + text.length > MOST_BYTES)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push({ number, item });
    bytes += text.length;
  }
  yield batch;
}

async function* linesOf(input: CommandInput): AsyncIterable<string> {
  const file = input.words[0]!;
  if (file === "-") return yield* input.lines();
  try {
    yield* createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
  } catch (error) {
    throw new RollbookError("FILE_UNREADABLE", { file, reason: (error as Error).message });
  }
}
