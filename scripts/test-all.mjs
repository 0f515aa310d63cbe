// npm run test:all: what `npm test` runs, and the tests of the whole program in test/e2e: browser, replay of recorded
// data, kills of the running server. They find their means in the environment and skip, with a reason, without them:
//   CHROMIUM              path of a browser
//   ROLLBOOK_SHARED_DATA  folder with recorded data that is not part of the repository
// With CI=true a skip is a failure, except of data that is not here ("shared data: ...") and of tests that do not
// apply to an adapter's declared guarantee ("by contract: ...").
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { provideBrowser } from "./browser.mjs";
import { conclude, root, runFastTests, runWholeProgramTests, sum, wholeProgramTestsMention } from "./test-runner.mjs";

const EXCUSED = /^(shared data|by contract):/;
const words = process.argv.slice(2);

function means() {
  const env = {};
  if (wholeProgramTestsMention("playwright-core", words)) env.CHROMIUM = provideBrowser();
  const data = process.env.ROLLBOOK_SHARED_DATA ?? join(dirname(root), "shared", "data");
  if (existsSync(data)) env.ROLLBOOK_SHARED_DATA = data;
  else console.log("No recorded data beside the repository: what replays it is skipped.");
  return env;
}

const fast = await runFastTests(words);
const whole = await runWholeProgramTests(words, { env: means() });
const all = sum(fast, whole);

const unexcused = all.skips.filter(({ reason }) => !EXCUSED.test(reason));
if (all.skips.length > 0)
  console.log(`${all.skips.length} skipped, ${all.skips.length - unexcused.length} of them excused`);
for (const { name, reason } of unexcused) console.log(`  SKIPPED ${name}: ${reason}`);
if (process.env.CI === "true" && unexcused.length > 0) {
  console.log("With CI=true a skipped test is a failed one.");
  all.failed += unexcused.length;
}
conclude(all);
