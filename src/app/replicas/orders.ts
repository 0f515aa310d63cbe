import type { Digest, Json } from "../../core/digest.ts";
import { type ErrorCode, errorCatalogue, RollbookError } from "../../core/errors.ts";
import type { Exchange, GivenOrder, OpenOrder } from "../../core/exchange.ts";
import type { Store } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import type { AnyOperation } from "../../operations/operation.ts";
import { systemClock } from "../system-clock.ts";
import { systemIds } from "../system-ids.ts";
import { isCord } from "./brakes.ts";
import { carriedOut } from "./carried-out.ts";
import type { ReplicaSeat } from "./seats.ts";

/** Changes that every replica makes by itself. */
const ANYWHERE = ["token", "outcomes", "samples"];

const ANSWER_MS: Milliseconds = 20_000;
const LOOK_MS: Milliseconds = 50;
const AGAIN_MS: Milliseconds = 250;

export interface OrderParts {
  readonly store: Store;
  readonly exchange: Exchange;
  readonly seatOf: (system: string) => ReplicaSeat;
  readonly systems: () => readonly string[];
  /** As far as this replica knows without asking anybody. */
  readonly systemOfRollout: (rollout: string | undefined) => string | undefined;
  readonly stopped: AbortSignal;
  /** Takes the candidate's traffic away here, at once. */
  readonly brake: (order: Pick<OpenOrder, "id" | "system" | "input">) => void;
  /** It was carried out here. */
  readonly carried: (order: string) => void;
  /** The order is answered, and could not be carried out. */
  readonly release: (order: string) => void;
}

export interface Orders {
  /** The operations as this replica serves them: what acts on a system is done by its holder, wherever that is. */
  readonly operations: readonly AnyOperation[];
  /** Carries out what is open of systems that we hold; each order once in this process. */
  carryOut(open: readonly OpenOrder[]): void;
}

export function createOrders(operations: readonly AnyOperation[], parts: OrderParts): Orders {
  const { store, exchange, seatOf } = parts;
  const begun = new Set<string>();
  const byName = new Map(operations.map((operation) => [operation.name, operation]));

  const dispatch = async (operation: AnyOperation, input: object, by: string): Promise<unknown> => {
    const given = { id: systemIds.next("order"), operation: operation.name, input: input as Json, by };
    // Nobody is asked before this, the store neither.
    const near = isCord(given) ? parts.systemOfRollout((input as Input).rollout) : undefined;
    if (near !== undefined) parts.brake({ ...given, system: near });
    try {
      const system = near ?? (await systemOf(parts, input as Input));
      if (system === undefined || seatOf(system).lease()) {
        const output = await operation.run(input as never, by, given.id);
        parts.carried(given.id);
        return output;
      }
    } catch (error) {
      if (near === undefined || error instanceof RollbookError) {
        parts.release(given.id);
        throw error;
      }
      // A holder whose store is away: it is contained here, and the order has to outlive us.
    }
    return send({ ...given, system: near ?? (await systemOf(parts, input as Input))! });
  };

  /** Makes an order durable and waits for its answer. One that stops harm is given until it is taken, whoever waits. */
  const send = async (order: GivenOrder): Promise<unknown> => {
    const until = performance.now() + ANSWER_MS;
    const giving = isCord(order) ? giveUntilTaken(parts, order) : exchange.give(order);
    const given = new AbortController();
    await Promise.race([giving, systemClock.sleep(ANSWER_MS, given.signal)]).finally(() => given.abort());
    exchange.hint();
    const answer = await answerTo(exchange, order.id, until);
    if (answer === undefined)
      throw new RollbookError("ORDER_WAITING", { order: `${order.operation} (${order.id})`, system: order.system });
    if ("output" in answer) return answer.output;
    parts.release(order.id);
    throw errorIn(answer);
  };

  const carry = async (order: OpenOrder): Promise<void> => {
    const lease = seatOf(order.system).lease();
    const operation = byName.get(order.operation);
    if (!lease || !(await exchange.begin(order.id, lease))) return;
    let answer: Answer;
    try {
      if (!operation) throw new RollbookError("NOT_FOUND", { what: `operation ${order.operation}` });
      const done = order.taken ? await carriedOut(store, order) : undefined;
      const run = () => operation.run(order.input as never, order.by, order.id);
      answer = { output: done ? done.found : (((await run()) ?? null) as Json) };
    } catch (error) {
      // Who was fenced in the middle leaves the order to the next holder.
      if (!seatOf(order.system).lease()) return;
      answer = answerOf(error as Error);
    }
    await exchange.answer(order.id, answer as Json);
    exchange.hint();
  };

  return {
    operations: operations.map((operation) =>
      operation.method === "POST" && !ANYWHERE.includes(operation.name)
        ? {
            ...operation,
            run: async (input: never, by: string) =>
              (input as { dryRun?: boolean }).dryRun ? operation.run(input, by) : dispatch(operation, input, by),
          }
        : operation,
    ),
    carryOut(open) {
      const ids = new Set(open.map(({ id }) => id));
      for (const id of begun) if (!ids.has(id)) begun.delete(id);
      for (const order of open) {
        if (begun.has(order.id) || !seatOf(order.system).lease()) continue;
        begun.add(order.id);
        // What failed here, the store say, is done again with the next look.
        carry(order).catch(() => begun.delete(order.id));
      }
    },
  };
}

type Answer =
  | { readonly output: Json }
  | { readonly code: ErrorCode; readonly details: RollbookError["details"] }
  | { readonly failure: string };

function answerOf(error: Error): Answer {
  if (error instanceof RollbookError) return { code: error.code, details: error.details };
  return { failure: error.message };
}

function errorIn(answer: Exclude<Answer, { output: Json }>): Error {
  if ("code" in answer && Object.hasOwn(errorCatalogue, answer.code))
    return new RollbookError(answer.code, answer.details);
  return new Error("failure" in answer ? answer.failure : `another replica answered ${answer.code}`);
}

async function giveUntilTaken({ exchange, stopped }: OrderParts, order: GivenOrder): Promise<void> {
  while (!stopped.aborted) {
    const given = await exchange.give(order).then(
      () => true,
      () => false,
    );
    if (given) return;
    await systemClock.sleep(AGAIN_MS, stopped);
  }
}

async function answerTo(exchange: Exchange, order: string, until: number): Promise<Answer | undefined> {
  while (performance.now() < until) {
    // A store that is away for a moment is asked again: the order is durable.
    const answer = await exchange.answerTo(order).catch(() => undefined);
    if (answer !== undefined) return answer as Answer;
    await systemClock.sleep(LOOK_MS);
  }
  return undefined;
}

interface Input {
  readonly system?: string;
  readonly rollout?: string;
  readonly release?: string;
}

/** The system that an input is about; undefined where there is no such thing: the operation says so itself. */
async function systemOf({ store, systems }: OrderParts, input: Input): Promise<string | undefined> {
  if (input.rollout !== undefined) return (await store.rollout(input.rollout))?.system;
  if (input.release !== undefined) return (await store.release(input.release as Digest))?.system;
  const names = systems();
  if (input.system !== undefined) return names.includes(input.system) ? input.system : undefined;
  return names.length === 1 ? names[0] : undefined;
}
