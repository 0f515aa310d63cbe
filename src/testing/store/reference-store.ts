import { digestOf } from "../../core/digest.ts";
import type { Change, Guard, TokenRecord } from "../../core/ports.ts";
import type { Cells, Sample } from "../../core/sample.ts";
import { anHour, aRelease, aRollout, aRoute, aSaga, aSample, aStep, NOON, recording } from "./fixtures.ts";

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
  | { readonly kind: "checkpoint"; readonly size: number }
  | { readonly kind: "release"; readonly label: string }
  | { readonly kind: "quarantine"; readonly label: string; readonly reason: string }
  | { readonly kind: "flag"; readonly key: string; readonly variant: string }
  | { readonly kind: "token"; readonly id: string; readonly role: TokenRecord["role"] }
  | {
      readonly kind: "season";
      readonly system: string;
      readonly hour: number;
      readonly n: number;
      readonly oldest: number;
    };

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
    default:
      return rareChangeOf(write);
  }
}

type RareWrite = Extract<Write, { readonly kind: "release" | "quarantine" | "flag" | "token" | "season" }>;

function rareChangeOf(write: RareWrite): Change {
  switch (write.kind) {
    case "release":
      return { kind: "release", release: aRelease(write.label) };
    case "quarantine": {
      const { label, reason } = write;
      return { kind: "quarantine", quarantine: { release: aRelease(label).id, system: "loans", since: NOON, reason } };
    }
    case "flag": {
      const { key, variant } = write;
      return { kind: "flag", flag: { key, variant, digest: digestOf(variant), variants: { x: 1, y: 2, z: 3 } } };
    }
    case "token":
      return { kind: "token", token: { id: write.id, role: write.role, sha256: write.id, createdAt: NOON } };
    case "season": {
      const { system, hour, n, oldest } = write;
      return { kind: "season", system, hours: [anHour({ hour, n })], oldest };
    }
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
  readonly releases = new Set<string>();
  readonly quarantines = new Map<string, string>();
  readonly flags = new Map<string, string>();
  readonly tokens = new Map<string, string>();
  /** By system, then by hour. */
  readonly seasons = new Map<string, Map<number, number>>();
  packs = 0;
  lastKnownGood: { readonly label: string } | undefined;
  size = -1;
  now = NOON;
  readonly #leases = new Map<string, { readonly holder: string; readonly fence: number; readonly until: number }>();

  lease(resource: string) {
    return this.#leases.get(resource) ?? { holder: "", fence: 0, until: Number.NEGATIVE_INFINITY };
  }

  commit(writes: readonly Write[], fails: boolean, guard: Guard | undefined): string {
    if (guard && guard.fence !== this.lease(guard.resource).fence)
      return `fenced by ${this.lease(guard.resource).holder}`;
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
      this.lastKnownGood = one;
    } else if (one.kind === "sample") {
      const block = blockOf(one);
      if (!this.samples.has(keyOf(block))) this.samples.set(keyOf(block), block);
    } else this.#writeRare(one);
  }

  #writeRare(one: RareWrite): void {
    if (one.kind === "release") this.releases.add(one.label);
    else if (one.kind === "quarantine") this.quarantines.set(one.label, one.reason);
    else if (one.kind === "flag") this.flags.set(one.key, one.variant);
    else if (one.kind === "token") this.tokens.set(one.id, one.role);
    else {
      const hours = this.seasons.get(one.system) ?? new Map<number, number>();
      this.seasons.set(one.system, hours.set(one.hour, one.n));
      for (const hour of hours.keys()) if (hour < one.oldest) hours.delete(hour);
    }
  }

  take(resource: string, by: string, span: number): number | undefined {
    const { holder, until, fence } = this.lease(resource);
    if (holder !== by && until > this.now) return undefined;
    this.#leases.set(resource, { holder: by, fence: fence + 1, until: this.now + span });
    return fence + 1;
  }

  /** All of them or none, under one fence above all. */
  takeAll(resources: readonly string[], by: string, span: number): ReadonlyMap<string, number> | undefined {
    const held = resources.map((resource) => this.lease(resource));
    if (held.some(({ holder, until }) => holder !== by && until > this.now)) return undefined;
    const fence = 1 + Math.max(0, ...[...this.#leases.values()].map((lease) => lease.fence));
    for (const resource of resources) this.#leases.set(resource, { holder: by, fence, until: this.now + span });
    return new Map(resources.map((resource) => [resource, fence]));
  }

  renew(resource: string, by: string, fence: number, span: number): boolean {
    const lease = this.lease(resource);
    if (lease.holder !== by || lease.fence !== fence) return false;
    this.#leases.set(resource, { ...lease, until: this.now + span });
    return true;
  }
}
