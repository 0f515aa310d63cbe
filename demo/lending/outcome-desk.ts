import type { OutcomeReporter } from "../component-service/outcome-reporter.ts";
import { hashText, seededRandom } from "../component-service/seeded-random.ts";
import { applicantAt, probabilityOfDefault, STREAMS } from "./population.ts";

/** Learns how loans end and tells Rollbook. The law is the same for both slots: it does not know which one decided. */
export interface OutcomeDesk {
  decided(request: string, application: number, approved: boolean): void;
}

const SOONEST = 300;
const SPREAD = 600;
const LOANS_LIMIT = 20_000;

/**
 * Reports each decision at once, and the end of each loan 300 to 900 ms later. Whether a loan defaults is drawn from the
 * ground truth; draw and delay depend on the seed and the request's id alone. Loans under way die with the process.
 */
export function outcomeDesk(reporter: OutcomeReporter, seed: number): OutcomeDesk {
  let underWay = 0;
  return {
    decided(request, application, approved) {
      reporter.report({ request, counts: { applications: 1, approved: approved ? 1 : 0 } });
      if (!approved || underWay >= LOANS_LIMIT) return;
      const chance = seededRandom(seed, 70, hashText(request));
      const defaulted = chance() < probabilityOfDefault(applicantAt(seed, STREAMS.applicants, application));
      underWay += 1;
      setTimeout(
        () => {
          underWay -= 1;
          reporter.report({ request, counts: { loans: 1, defaulted: defaulted ? 1 : 0 } });
        },
        SOONEST + SPREAD * chance(),
      );
    },
  };
}
