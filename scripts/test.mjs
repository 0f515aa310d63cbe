// npm test: unit, property and kill tests. `npm test -- watch restore` runs the files whose paths contain a word.
import { conclude, runFastTests } from "./test-runner.mjs";

conclude(await runFastTests(process.argv.slice(2)));
