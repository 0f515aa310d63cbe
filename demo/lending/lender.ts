import { ComponentStore } from "../component-service/component-store.ts";
import { type Catalogue, openCatalogue, type ReleaseContent } from "../component-service/release-catalogue.ts";
import type { CreditModel } from "./credit-model.ts";
import { schemaDdl } from "./feature-schema.ts";
import { loadSnapshot, serveSnapshot, snapshotCsv, snapshotTable } from "./feature-snapshot.ts";
import { type Applicant, applicantPool } from "./population.ts";
import { type CreditConfig, decide, type Lender, type ReleaseKind, trainCandidate, trainStable } from "./releases.ts";

/** The state of the demonstration lender: its components and the two releases that they have revisions of. */
export interface LenderState {
  readonly store: ComponentStore;
  readonly catalogue: Catalogue;
}

const NEEDS = { model: ["schema", "data"] };
const KNOWN_ANSWERS = 50;

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const jsonBytes = (value: CreditModel | CreditConfig): Uint8Array => bytesOf(`${JSON.stringify(value, null, 1)}\n`);

function contentOf({ model, config, schema }: Lender, people: readonly Applicant[]): ReleaseContent {
  return {
    label: `release ${schema.version}`,
    needs: NEEDS,
    artifacts: [
      { component: "model", label: model.name, bytes: jsonBytes(model) },
      { component: "config", label: config.name, bytes: jsonBytes(config) },
      { component: "schema", label: `feature schema ${schema.version}`, bytes: bytesOf(schemaDdl(schema)) },
      { component: "data", label: `feature snapshot ${schema.version}`, bytes: bytesOf(snapshotCsv(schema, people)) },
    ],
  };
}

/** The pinned view of release 1, and its answers for applicants spread over the population. */
function prepareStable(
  store: ComponentStore,
  catalogue: Catalogue,
  lender: Lender,
  people: readonly Applicant[],
): void {
  for (const { revisions } of [catalogue.stable, catalogue.candidate]) {
    const { digest } = revisions["data"]!;
    loadSnapshot(store.db, store.artifact(digest), digest);
  }
  const table = snapshotTable(catalogue.stable.revisions["data"]!.digest);
  const { columns } = lender.schema;
  store.db.exec(`
    CREATE VIEW features_stable AS SELECT applicant, ${columns.join(", ")} FROM ${table};
    CREATE TABLE known_answer (applicant INTEGER PRIMARY KEY, approved INTEGER NOT NULL) STRICT;`);
  const insert = store.db.prepare("INSERT INTO known_answer VALUES (?, ?)");
  for (let place = 0; place < KNOWN_ANSWERS; place += 1) {
    const applicant = Math.floor((place * people.length) / KNOWN_ANSWERS);
    const { approved } = decide(lender.model, lender.config, lender.schema.encode(people[applicant]!));
    insert.run(applicant, approved ? 1 : 0);
  }
}

/**
 * Opens the lender in a data folder. The first start trains both releases and makes release 1 live; every later one
 * goes on with what is live. Throws when the folder belongs to another seed or kind.
 */
export function openLender(folder: string, seed: number, kind: ReleaseKind): LenderState {
  const store = new ComponentStore(folder, {
    schema: (db, bytes) => db.exec(new TextDecoder().decode(bytes)),
    data: serveSnapshot,
  });
  const catalogue = openCatalogue(store, `lending, seed ${seed}, ${kind}`, () => {
    const people = applicantPool(seed);
    const stable = trainStable(seed, people);
    return {
      stable: contentOf(stable, people),
      candidate: contentOf(trainCandidate(seed, kind, people), people),
      prepare: (both) => prepareStable(store, both, stable, people),
    };
  });
  return { store, catalogue };
}
