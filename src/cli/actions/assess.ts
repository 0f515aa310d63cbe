import type { Run } from "../command.ts";
export const assess: Run = async () => 0;
