import { childArguments, stopWithParent, tellParent, wholeNumber } from "../component-service/child-process.ts";
import { openLoop } from "../component-service/open-loop.ts";
import { POPULATION } from "./population.ts";

/** Synthetic borrowers who apply through the gateway, as a process of its own: open-loop, seeded. */
const args = childArguments(["gateway", "rate", "seed"]);
const traffic = openLoop({
  gateway: args.gateway,
  rate: wholeNumber("rate", args.rate),
  seed: wholeNumber("seed", args.seed),
  next: (random) => {
    const application = Math.floor(random() * POPULATION);
    return { path: "/decide", key: `borrower-${application}`, body: { application } };
  },
});
tellParent({ ready: true });
const timer = setInterval(() => tellParent(traffic.state()), 500);
stopWithParent(async () => {
  clearInterval(timer);
  await traffic.stop();
});
