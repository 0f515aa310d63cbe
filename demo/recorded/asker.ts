import { childArguments, stopWithParent, tellParent, wholeNumber } from "../component-service/child-process.ts";
import { openLoop } from "../component-service/open-loop.ts";
import { outcomeReporter } from "../component-service/outcome-reporter.ts";
import { loadRecording } from "./recording.ts";

/** People who ask recorded questions through the gateway and judge what they are told, as a process of its own. */
const args = childArguments(["gateway", "rollbook", "rate", "seed", "recording"], ["stable", "candidate"]);
const ASKERS = 20_000;
const recording = loadRecording(args.recording, { stable: args.stable, candidate: args.candidate });
const reporter = outcomeReporter({ rollbook: args.rollbook, token: process.env["ROLLBOOK_TOKEN"] ?? "" });

function judged(body: unknown, request: string | undefined): void {
  const { question, model, answer } = body as { question?: unknown; model?: unknown; answer?: unknown };
  if (request === undefined || typeof question !== "number" || typeof answer !== "string") return;
  const right = recording.judge(String(model), question, answer);
  reporter.report({ request, counts: { answers: 1, right: right ? 1 : 0 } });
}

const traffic = openLoop({
  gateway: args.gateway,
  rate: wholeNumber("rate", args.rate),
  seed: wholeNumber("seed", args.seed),
  // Whoever asks and what is asked are drawn apart, so both releases get questions of the same law.
  next: (random) => ({
    path: "/ask",
    key: `asker-${Math.floor(random() * ASKERS)}`,
    body: { question: Math.floor(random() * recording.questions.length) },
    answered: judged,
  }),
});
tellParent({ ready: true });
const timer = setInterval(() => tellParent(traffic.state()), 500);
stopWithParent(async () => {
  clearInterval(timer);
  await traffic.stop();
  await reporter.close();
});
