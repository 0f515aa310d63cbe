import type { ComponentName, Release } from "../core/release.ts";

/**
 * Which components lean on which: a component *reads* another when any of its revisions, in either release, says what
 * it accepts of it. Readers change before what they read on the way back, and after it on the way out, so that nothing
 * ever runs against a schema or a data set that it was not proved to accept.
 */
export function readersOf(component: ComponentName, releases: readonly Release[]): readonly ComponentName[] {
  const readers = new Set<ComponentName>();
  for (const release of releases)
    for (const [name, revision] of Object.entries(release.revisions))
      if (name !== component && revision.accepts?.[component]) readers.add(name);
  return [...readers].sort();
}

/** The components that one component reads; see `readersOf`. */
export function readBy(component: ComponentName, releases: readonly Release[]): readonly ComponentName[] {
  const read = new Set<ComponentName>();
  for (const release of releases)
    for (const name of Object.keys(release.revisions[component]?.accepts ?? {})) if (name !== component) read.add(name);
  return [...read].sort();
}
