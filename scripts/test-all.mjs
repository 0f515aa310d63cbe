// npm run test:all: what `npm test` runs, and the tests of the whole program in test/e2e: browser, outside servers,
// replay of recorded data, kills of the running server. They find their means in environment variables, and skip, with
// a reason, without them. scripts/means/ has one file for each: its `name` is the variable, and `provide` installs what
// is missing where it can and answers the value, or undefined after saying what is missing. Only what a test that runs
// mentions is provided. ROLLBOOK_SHARED_DATA is a folder with recorded data that is not part of the repository.
// With CI=true a skip is a failure, except of data that is not here ("shared data: ...") and of tests that do not
// apply to an adapter's declared guarantee ("by contract: ...").
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { conclude, root, runFastTests, runWholeProgramTests, sum, wholeProgramTestsMention } from "./test-runner.mjs";

const EXCUSED = /^(shared data|by contract):/;
const words = process.argv.slice(2);

async function means() {
  const env = {};
  for (const file of readdirSync(join(root, "scripts", "means")).sort()) {
    const { name, provide } = await import(`./means/${file}`);
    if (wholeProgramTestsMention(name, words)) env[name] = await provide();
  }
  const data = process.env.ROLLBOOK_SHARED_DATA ?? join(dirname(root), "shared", "data");
  if (existsSync(data)) env.ROLLBOOK_SHARED_DATA = data;
  else console.log("No recorded data beside the repository: what replays it is skipped.");
  return env;
}

const fast = await runFastTests(words);
const whole = await runWholeProgramTests(words, { env: await means() });
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
