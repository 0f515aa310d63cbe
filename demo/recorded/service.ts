import { mkdirSync } from "node:fs";
import { RollbookError } from "../../src/core/errors.ts";
import { childArguments, stopWithParent, tellParent, wholeNumber } from "../component-service/child-process.ts";
import { componentApi } from "../component-service/component-api.ts";
import { type Answer, type Call, type Handle, headerOf, listen, notFound } from "../component-service/http-service.ts";
import { loadRecording } from "./recording.ts";
import { openReplay, type Replay, type ReplayAnswer } from "./replay.ts";

function ask(slot: "stable" | "live", replay: Replay, call: Call): Answer {
  const request = headerOf(call.headers, "rollbook-request");
  const headers: Record<string, string> = request ? { "rollbook-request": request } : {};
  const question = (call.body as { question?: unknown } | null | undefined)?.question;
  if (typeof question !== "number" || !Number.isSafeInteger(question))
    return { status: 400, headers, body: { reason: 'the body must be { "question": whole number }' } };
  let answer: ReplayAnswer | undefined;
  try {
    answer = replay[slot](question);
  } catch (error) {
    return { status: 500, headers, body: { reason: error instanceof Error ? error.message : String(error) } };
  }
  return answer ? { status: 200, headers, body: answer } : { ...notFound(`question ${question}`), headers };
}

function handlerOf(replay: Replay, slowApply: number): Handle {
  const components = componentApi(replay.store, { slowApply, changed: replay.changed });
  return async (call) => {
    const [first, slot, action] = call.path;
    if (first === "slots" && action === "ask" && call.method === "POST" && (slot === "stable" || slot === "live"))
      return ask(slot, replay, call);
    const route = `${call.method} /${call.path.join("/")}`;
    if (route === "GET /releases") return { status: 200, body: replay.catalogue };
    if (route === "GET /health") {
      const live = { model: replay.store.live("model")?.label, prompt: replay.store.live("prompt")?.label };
      return { status: 200, body: { status: "ok", recorded: true, live } };
    }
    return (await components.answer(call)) ?? notFound(route);
  };
}

/** The replay of a recording as a process of its own; docs/recordings.md lists its arguments and calls. */
async function main(): Promise<void> {
  const args = childArguments(["data", "recording"], ["rollbook", "stable", "candidate", "slow-apply", "port"]);
  mkdirSync(args.data, { recursive: true });
  const replay = openReplay(
    args.data,
    loadRecording(args.recording, { stable: args.stable, candidate: args.candidate }),
  );
  const { store } = replay;
  const handle = handlerOf(replay, wholeNumber("slow-apply", args["slow-apply"] ?? "0"));
  const server = await listen(handle, wholeNumber("port", args.port ?? store.meta("port") ?? "0"));
  store.setMeta("port", String(server.port));
  stopWithParent(async () => {
    await server.close();
    store.close();
  });
  tellParent({ ready: true, port: server.port });
}

await main().catch((error: unknown) => {
  const known = error instanceof RollbookError;
  process.stderr.write(
    `${known ? error.explain() : `replay: ${error instanceof Error ? error.message : String(error)}`}\n`,
  );
  process.exit(known ? error.exit : 1);
});
