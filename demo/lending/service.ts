import { mkdirSync } from "node:fs";
import { isDigest } from "../../src/core/digest.ts";
import { childArguments, stopWithParent, tellParent, wholeNumber } from "../component-service/child-process.ts";
import { componentApi } from "../component-service/component-api.ts";
import { type Answer, type Call, type Handle, headerOf, listen, notFound } from "../component-service/http-service.ts";
import { outcomeReporter } from "../component-service/outcome-reporter.ts";
import { openSlots, type SlotDecision, type Slots } from "./decision-slots.ts";
import { type CachedFlag, cachedFlag } from "./fast-track.ts";
import { type LenderState, openLender } from "./lender.ts";
import { type OutcomeDesk, outcomeDesk } from "./outcome-desk.ts";

/** What the handler of the lender's HTTP calls is made of. */
interface LenderParts {
  readonly lender: LenderState;
  readonly slots: Slots;
  readonly desk: OutcomeDesk;
  readonly fastTrack: CachedFlag;
  readonly health: () => object;
  readonly slowApply: number;
}

function decideIn(slot: "stable" | "live", { slots, desk, fastTrack }: LenderParts, call: Call): Answer {
  const request = headerOf(call.headers, "rollbook-request");
  const headers: Record<string, string> = request ? { "rollbook-request": request } : {};
  const application = (call.body as { application?: unknown } | null | undefined)?.application;
  if (typeof application !== "number" || !Number.isSafeInteger(application))
    return { status: 400, headers, body: { reason: 'the body must be { "application": whole number }' } };
  let decision: SlotDecision | undefined;
  try {
    decision = slots[slot](application);
  } catch (error) {
    return { status: 500, headers, body: { reason: error instanceof Error ? error.message : String(error) } };
  }
  if (!decision) return { ...notFound(`application ${application}`), headers };
  if (request) desk.decided(request, application, decision.approved);
  const flag = slot === "live" ? { "fast-track": fastTrack.on() } : {};
  return { status: 200, headers, body: { application, ...decision, ...flag } };
}

function probe({ lender, slots }: LenderParts, call: Call): Answer {
  const digest = call.query.get("model") ?? lender.store.live("model")?.digest;
  if (!isDigest(digest) || lender.store.labelOf("model", digest) === undefined) return notFound(`model ${digest}`);
  return { status: 200, body: slots.probe(digest) };
}

function handlerOf(parts: LenderParts): Handle {
  const { store, catalogue } = parts.lender;
  const components = componentApi(store, { slowApply: parts.slowApply, changed: parts.slots.changed });
  return async (call) => {
    const [first, slot, action] = call.path;
    if (first === "slots" && action === "decide" && call.method === "POST" && (slot === "stable" || slot === "live"))
      return decideIn(slot, parts, call);
    const route = `${call.method} /${call.path.join("/")}`;
    if (route === "GET /releases") return { status: 200, body: catalogue };
    if (route === "GET /probe") return probe(parts, call);
    if (route === "GET /health") return { status: 200, body: parts.health() };
    return (await components.answer(call)) ?? notFound(route);
  };
}

/** The demonstration lender as a process of its own; docs/demo.md lists its arguments and calls. */
async function main(): Promise<void> {
  const args = childArguments(["data", "seed", "kind", "rollbook"], ["slow-apply", "port"]);
  const seed = wholeNumber("seed", args.seed);
  if (args.kind !== "bad" && args.kind !== "healthy")
    throw new Error(`--kind must be bad or healthy, not "${args.kind}"`);
  mkdirSync(args.data, { recursive: true });
  const lender = openLender(args.data, seed, args.kind);
  const token = process.env["ROLLBOOK_TOKEN"] ?? "";
  const reporter = outcomeReporter({ rollbook: args.rollbook, token });
  const { store } = lender;
  const handle = handlerOf({
    lender,
    slots: openSlots(lender),
    desk: outcomeDesk(reporter, seed),
    fastTrack: cachedFlag(args.rollbook, token, "fast-track"),
    health: () => ({ status: "ok", synthetic: true, live: liveLabels(lender), outcomes: reporter.state() }),
    slowApply: wholeNumber("slow-apply", args["slow-apply"] ?? "0"),
  });
  const server = await listen(handle, wholeNumber("port", args.port ?? store.meta("port") ?? "0"));
  store.setMeta("port", String(server.port));
  stopWithParent(async () => {
    await server.close();
    await reporter.close();
    store.close();
  });
  tellParent({ ready: true, port: server.port });
}

function liveLabels({ store, catalogue }: LenderState): Record<string, string | undefined> {
  return Object.fromEntries(Object.keys(catalogue.stable.revisions).map((name) => [name, store.live(name)?.label]));
}

await main().catch((error: unknown) => {
  process.stderr.write(`lending: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
