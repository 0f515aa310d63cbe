// npm test: unit, property and kill tests, with a sample of their runs: the long ones are `npm run check`'s.
// `npm test -- watch restore` runs the files whose paths contain a word.
import { conclude, judgeSkips, runFastTests } from "./test-runner.mjs";

conclude(judgeSkips(await runFastTests(process.argv.slice(2))));
