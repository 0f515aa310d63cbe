import type { Revision } from "../../src/core/release.ts";
import type { Artifact, ComponentStore } from "./component-store.ts";

/** One release of the catalogue: the revisions of its components, and what each of them can live with. */
export interface CatalogueRelease {
  readonly label: string;
  readonly revisions: Readonly<Record<string, Revision>>;
}

/** What `GET /releases` answers. */
export interface Catalogue {
  readonly stable: CatalogueRelease;
  readonly candidate: CatalogueRelease;
}

/** The artifacts of a release, by component, before they are registered. */
export interface ReleaseContent {
  readonly label: string;
  readonly artifacts: readonly Artifact[];
  /** For a component: the components of the same release without which it cannot work. */
  readonly needs: Readonly<Record<string, readonly string[]>>;
}

function registerRelease(store: ComponentStore, { label, artifacts, needs }: ReleaseContent): CatalogueRelease {
  const digests = Object.fromEntries(artifacts.map((artifact) => [artifact.component, store.register(artifact)]));
  const revisions = artifacts.map((artifact): [string, Revision] => {
    const accepts = needs[artifact.component]?.map((other) => [other, [digests[other]!]] as const);
    const plain = { digest: digests[artifact.component]!, label: artifact.label };
    return [artifact.component, accepts ? { ...plain, accepts: Object.fromEntries(accepts) } : plain];
  });
  return { label, revisions: Object.fromEntries(revisions) };
}

/** The stable slot stays pinned to its own content, so whatever the candidate's readers lean on keeps stable's readers. */
function keepReaders(candidate: CatalogueRelease, stable: CatalogueRelease): CatalogueRelease {
  const revisions = Object.entries(candidate.revisions).map(([name, revision]): [string, Revision] => {
    const readers = Object.entries(stable.revisions).filter(([, reader]) => reader.accepts?.[name]);
    if (readers.length === 0) return [name, revision];
    const keeps = Object.fromEntries(readers.map(([reader, { digest }]) => [reader, [digest]]));
    return [name, { ...revision, keeps }];
  });
  return { ...candidate, revisions: Object.fromEntries(revisions) };
}

interface FirstStart {
  readonly stable: ReleaseContent;
  readonly candidate: ReleaseContent;
  /** Anything else that belongs to the first start; runs in its transaction, before the first revisions go live. */
  readonly prepare?: (catalogue: Catalogue) => void;
}

/**
 * The catalogue of a data folder. The first start registers both releases and makes stable live, in one transaction;
 * every later start finds what is there and resets nothing. Throws when the folder belongs to another `identity`.
 */
export function openCatalogue(store: ComponentStore, identity: string, firstStart: () => FirstStart): Catalogue {
  const known = store.meta("identity");
  if (known !== undefined && known !== identity)
    throw new Error(`this data folder belongs to ${known}, not to ${identity}; use another one`);
  if (known === undefined) {
    const { stable, candidate, prepare } = firstStart();
    store.transaction(() => {
      const registered = registerRelease(store, stable);
      const catalogue = { stable: registered, candidate: keepReaders(registerRelease(store, candidate), registered) };
      prepare?.(catalogue);
      for (const [name, revision] of Object.entries(catalogue.stable.revisions)) store.install(name, revision.digest);
      store.setMeta("catalogue", JSON.stringify(catalogue));
      store.setMeta("identity", identity);
    });
  }
  return JSON.parse(store.meta("catalogue") ?? "") as Catalogue;
}
