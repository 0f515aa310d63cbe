import { randomBytes } from "node:crypto";
import type { Ids } from "../core/ports.ts";

/** Ids that sort by the time they were made: kind, time in base 36, 40 random bits. */
export const systemIds: Ids = {
  next: (kind) => `${kind}-${Date.now().toString(36)}-${randomBytes(5).toString("hex")}`,
};
