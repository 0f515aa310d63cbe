import type { TokenRecord } from "../core/ports.ts";

/** Who may call an operation: anybody on this machine, who reports outcomes, or who may change things. */
export type Permission = "read" | "report" | "admin";

/** Does a token's role allow it? `read` needs no token: the server listens on loopback. */
export function allows(role: TokenRecord["role"] | undefined, permission: Permission): boolean {
  if (permission === "read") return true;
  if (permission === "report") return role === "reporter" || role === "admin";
  return role === "admin";
}
