import type { Run } from "../command.ts";
export const init: Run = async () => 0;
