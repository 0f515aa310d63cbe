import type { Change } from "../../core/ports.ts";
import type { Cells, Sample } from "../../core/sample.ts";
import { aRelease, aRollout, aRoute, aSaga, aSample, aStep, NOON, recording } from "./fixtures.ts";

/** A change, small enough to be drawn by chance. */
export type Write =
  | { readonly kind: "entry"; readonly note: string }
  | { readonly kind: "rollout"; readonly id: string; readonly step: number }
  | {
      readonly kind: "sample";
      readonly sequence: number;
      readonly k: number;
      readonly group?: string;
      readonly known?: number;
      readonly cells?: Cells;
    }
  | { readonly kind: "step"; readonly saga: string; readonly step: string; readonly attempts: number }
  | { readonly kind: "saga"; readonly id: string; readonly ended: boolean }
  | { readonly kind: "route"; readonly system: string; readonly epoch: number }
  | { readonly kind: "known-good"; readonly label: string; readonly provedAt: number }
  | { readonly kind: "checkpoint"; readonly size: number };

export function changeOf(write: Write): Change {
  switch (write.kind) {
    case "entry":
      return recording(write.note);
    case "rollout":
      return { kind: "rollout", rollout: aRollout(write.id, { step: write.step }) };
    case "sample":
      return { kind: "samples", rollout: "x", samples: [blockOf(write)] };
    case "step":
      return { kind: "step", record: aStep(write.saga, write.step, { attempts: write.attempts }) };
    case "saga":
      return { kind: "saga", saga: aSaga(write.id, "x", { status: write.ended ? "completed" : "running" }) };
    case "route":
      return { kind: "route", route: aRoute(write.epoch, { system: write.system }) };
    case "known-good": {
      const release = aRelease(write.label).id;
      return { kind: "known-good", knownGood: { system: "loans", release, provedAt: write.provedAt } };
    }
    case "checkpoint":
      return { kind: "checkpoint", checkpoint: { size: write.size, root: "", note: "" } };
  }
}

function blockOf({ kind: _, ...fields }: Write & { kind: "sample" }): Sample {
  return aSample(fields);
}

export const keyOf = ({ sequence, group }: Sample): string => JSON.stringify([sequence, group]);

/** The smallest thing that behaves as the contract says. Lists keep the order of first arrival, as maps do. */
export class ReferenceStore {
  readonly notes: string[] = [];
  readonly rollouts = new Map<string, number>();
  readonly samples = new Map<string, Sample>();
  readonly steps = new Map<string, Map<string, number>>();
  readonly sagas = new Map<string, boolean>();
  readonly routes = new Map<string, number>();
  lastKnownGood: { readonly label: string; readonly provedAt: number } | undefined;
  size = -1;
  lease = { holder: "", fence: 0, until: -Infinity };
  now = NOON;

  commit(writes: readonly Write[], fails: boolean, guard: number | undefined): string {
    if (guard !== undefined && guard !== this.lease.fence) return `fenced by ${this.lease.holder}`;
    if (fails) return "failed";
    for (const one of writes) this.#write(one);
    return "committed";
  }

  #write(one: Write): void {
    if (one.kind === "entry") this.notes.push(one.note);
    else if (one.kind === "rollout") this.rollouts.set(one.id, one.step);
    else if (one.kind === "saga") this.sagas.set(one.id, one.ended);
    else if (one.kind === "route") this.routes.set(one.system, one.epoch);
    else if (one.kind === "checkpoint") this.size = Math.max(this.size, one.size);
    else if (one.kind === "step") {
      const steps = this.steps.get(one.saga) ?? new Map<string, number>();
      this.steps.set(one.saga, steps.set(one.step, one.attempts));
    } else if (one.kind === "known-good") {
      if (one.provedAt >= (this.lastKnownGood?.provedAt ?? 0)) this.lastKnownGood = one;
    } else {
      const block = blockOf(one);
      if (!this.samples.has(keyOf(block))) this.samples.set(keyOf(block), block);
    }
  }

  take(by: string, span: number): number | undefined {
    if (this.lease.holder !== by && this.lease.until > this.now) return undefined;
    this.lease = { holder: by, fence: this.lease.fence + 1, until: this.now + span };
    return this.lease.fence;
  }

  renew(by: string, fence: number, span: number): boolean {
    if (this.lease.holder !== by || this.lease.fence !== fence) return false;
    this.lease = { ...this.lease, until: this.now + span };
    return true;
  }
}
