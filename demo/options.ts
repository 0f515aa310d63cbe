import { parseArgs } from "node:util";
import { RollbookError } from "../src/core/errors.ts";

/** What the person at the terminal asked for. */
export interface DemoOptions {
  readonly once: boolean;
  readonly json: boolean;
  readonly healthy: boolean;
  readonly dryRun: boolean;
  readonly help: boolean;
  readonly seed: number;
  readonly data: string;
  readonly port: number;
  readonly gatewayPort: number;
  readonly recording?: string;
  readonly stable?: string;
  readonly candidate?: string;
  /** Milliseconds that each component takes before and after a change, to have time to pull the plug. */
  readonly slowApply: number;
}

export const HELP = `npm start -- [options]

Brings up Rollbook and, beside it, a small AI system on a synthetic population; sends out a bad release; rolls it back.

  --once               end after the report (exit 0 only when the rollback was verified or the release promoted)
  --healthy            send out a good release instead: it must be promoted
  --seed N             another world (default 1)
  --recording FILE     put recorded answers of two real models behind the gateway (docs/recordings.md)
  --stable, --candidate NAME   which models of the recording
  --json               print the report as data on stdout
  --dry-run            print the plan out, the plan back and their digests; release nothing
  --data DIR           where everything is kept (default .rollbook)
  --port N, --gateway-port N   ports of the page and of the gateway (default 7464, 7465)
  --slow-apply MS      let each component take its time, to pull the plug in the middle
  --help

Exit codes: 0 verified or promoted · 1 internal · 2 usage · 3 invalid file · 4 folder, port or system not to be had ·
10 release refused · 11 undecided · 20 rolled back, not proved fixed · 21 stuck · 130 interrupted`;

/** @throws USAGE */
export function parseDemoOptions(args: readonly string[]): DemoOptions {
  const values = parse(args);
  const whole = (name: "seed" | "port" | "gateway-port" | "slow-apply", most: number): number => {
    const value = Number(values[name]);
    if (Number.isSafeInteger(value) && value >= 0 && value <= most && values[name] !== "") return value;
    throw new RollbookError("USAGE", {
      what: `--${name} must be a whole number from 0 to ${most}, not "${values[name]}"`,
    });
  };
  const { recording, stable, candidate } = values;
  if (recording === undefined && (stable !== undefined || candidate !== undefined)) {
    throw new RollbookError("USAGE", { what: "--stable and --candidate choose models of a --recording" });
  }
  if (recording !== undefined && values.healthy) {
    throw new RollbookError("USAGE", { what: "--healthy belongs to the lender; what a recording does is recorded" });
  }
  return {
    once: values.once,
    json: values.json,
    healthy: values.healthy,
    dryRun: values["dry-run"],
    help: values.help,
    seed: whole("seed", 2 ** 31),
    data: values.data,
    port: whole("port", 65_535),
    gatewayPort: whole("gateway-port", 65_535),
    slowApply: whole("slow-apply", 60_000),
    ...(recording === undefined ? {} : { recording }),
    ...(stable === undefined ? {} : { stable }),
    ...(candidate === undefined ? {} : { candidate }),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        once: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        healthy: { type: "boolean", default: false },
        "dry-run": { type: "boolean", default: false },
        help: { type: "boolean", default: false },
        seed: { type: "string", default: "1" },
        data: { type: "string", default: ".rollbook" },
        port: { type: "string", default: "7464" },
        "gateway-port": { type: "string", default: "7465" },
        "slow-apply": { type: "string", default: "0" },
        recording: { type: "string" },
        stable: { type: "string" },
        candidate: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new RollbookError("USAGE", { what: (error as Error).message });
  }
}
