// npm run test:all: every test, the long ones and those of the whole program in test/e2e too: browser, outside servers,
// replay of recorded data, kills of the running server. The gate asks for test/e2e alone: `npm run check` has run the
// rest. Whole-program tests find their means in environment variables, and skip, with
// a reason, without them. scripts/means/ has one file for each: its `name` is the variable, and `provide` installs what
// is missing where it can and answers the value, or undefined after saying what is missing. Only what a test that runs
// mentions is provided. ROLLBOOK_SHARED_DATA is a folder with recorded data that is not part of the repository.
// With CI=true a skip is a failure, except of data that is not here ("shared data: ...") and of tests that do not
// apply to an adapter's declared guarantee ("by contract: ...").
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  conclude,
  judgeSkips,
  root,
  runLongTests,
  runWholeProgramTests,
  sum,
  wholeProgramTestsMention,
} from "./test-runner.mjs";

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

const inside = await runLongTests(words);
const whole = await runWholeProgramTests(words, { env: await means() });
conclude(judgeSkips(sum(inside, whole)));
