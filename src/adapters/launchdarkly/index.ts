export { createLaunchDarklyAdapter, type LaunchDarklyOptions } from "./launchdarkly-adapter.ts";
export { createFileSnapshots, type Snapshots } from "./snapshots.ts";
