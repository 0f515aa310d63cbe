import type { StatementSync } from "node:sqlite";
import type { Digest } from "../../src/core/digest.ts";
import type { CreditModel } from "./credit-model.ts";
import type { FeatureRow } from "./feature-schema.ts";
import type { LenderState } from "./lender.ts";
import { type CreditConfig, type Decision, decide } from "./releases.ts";

/** A decision with the name of the model that took it. */
export interface SlotDecision extends Decision {
  readonly model: string;
}

/** How one model answers the applicants whose answers by release 1 are known. */
export interface ProbeResult {
  readonly asked: number;
  readonly agreed: number;
  readonly failed: number;
}

/** A place that decides. Throws, with the reason, when its parts do not fit together. */
export interface Slots {
  /** Pinned to release 1, with its own view: works whatever is live. */
  stable(application: number): SlotDecision | undefined;
  /** Whatever is live now, of all four components. */
  live(application: number): SlotDecision | undefined;
  /** Runs a model with the live policy over the live schema and data. */
  probe(model: Digest): ProbeResult;
  /** A component was written: what is live is read anew. */
  changed(): void;
}

interface Parts {
  readonly model: CreditModel;
  readonly config: CreditConfig;
  readonly features: StatementSync;
}

export function openSlots({ store, catalogue }: LenderState): Slots {
  const read = <Content>(digest: Digest): Content =>
    JSON.parse(new TextDecoder().decode(store.artifact(digest))) as Content;

  const liveDigest = (component: string): Digest => {
    const live = store.live(component);
    if (!live) throw new Error(`no ${component} is live`);
    return live.digest;
  };

  const liveFeatures = (): StatementSync => {
    try {
      return store.db.prepare("SELECT * FROM features_live WHERE applicant = ?");
    } catch (error) {
      const [schema, data] = [store.live("schema")?.label, store.live("data")?.label];
      throw new Error(`${schema} cannot read ${data}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };

  const answer = ({ model, config, features }: Parts, application: number): SlotDecision | undefined => {
    const row = features.get(application) as FeatureRow | undefined;
    return row && { ...decide(model, config, row), model: model.name };
  };

  const { revisions } = catalogue.stable;
  const pinned: Parts = {
    model: read<CreditModel>(revisions["model"]!.digest),
    config: read<CreditConfig>(revisions["config"]!.digest),
    features: store.db.prepare("SELECT * FROM features_stable WHERE applicant = ?"),
  };
  const known = store.db.prepare("SELECT applicant, approved FROM known_answer").all() as unknown as readonly {
    readonly applicant: number;
    readonly approved: number;
  }[];
  let now: Parts | undefined;

  return {
    stable: (application) => answer(pinned, application),
    live: (application) => {
      now ??= { model: read(liveDigest("model")), config: read(liveDigest("config")), features: liveFeatures() };
      return answer(now, application);
    },
    probe(digest) {
      const model = read<CreditModel>(digest);
      const config = read<CreditConfig>(liveDigest("config"));
      let agreed = 0;
      let failed = 0;
      for (const { applicant, approved } of known) {
        try {
          if (answer({ model, config, features: liveFeatures() }, applicant)?.approved === (approved === 1))
            agreed += 1;
        } catch {
          failed += 1;
        }
      }
      return { asked: known.length, agreed, failed };
    },
    changed: () => {
      now = undefined;
    },
  };
}
