import { describe } from "node:test";
import { commitCases } from "./store/commit-cases.ts";
import { entityCases } from "./store/entity-cases.ts";
import { entryCases } from "./store/entry-cases.ts";
import { kindCases } from "./store/kind-cases.ts";
import { leaseCases } from "./store/lease-cases.ts";
import { listCases } from "./store/list-cases.ts";
import { modelCases } from "./store/model-cases.ts";
import { packCases } from "./store/pack-cases.ts";
import { reopenCases } from "./store/reopen-cases.ts";
import { replicaCases } from "./store/replica-cases.ts";
import { sampleCases } from "./store/sample-cases.ts";
import { seasonCases } from "./store/season-cases.ts";
import { casesOf, type StoreSuite } from "./store/suite.ts";
import { valueCases } from "./store/value-cases.ts";

export type { StoreCapability, StoreSuite } from "./store/suite.ts";

/** The contract of `Store` as node:test cases; every implementation passes all that it does not skip. */
export function describeStore(suite: StoreSuite): void {
  describe(`${suite.name} is a store`, () => {
    const cases = casesOf(suite);
    commitCases(cases);
    leaseCases(cases);
    kindCases(cases);
    valueCases(cases);
    entityCases(cases);
    listCases(cases);
    sampleCases(cases);
    packCases(cases);
    seasonCases(cases);
    entryCases(cases);
    modelCases(cases);
    if (!suite.skip?.includes("durable")) reopenCases(cases);
    if (!suite.skip?.includes("replicas")) replicaCases(cases);
  });
}
