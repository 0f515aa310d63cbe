import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { RollbookError } from "../../core/errors.ts";

/** A public key, or the public half of a private one, in PEM. @throws USAGE, FILE_UNREADABLE */
export function keyOf(file: string) {
  const text = textIn(file);
  try {
    return createPublicKey(text);
  } catch {
    throw new RollbookError("USAGE", { what: `${file} holds no key in PEM form` });
  }
}

/** @throws USAGE, FILE_UNREADABLE */
export function jsonIn(file: string): unknown {
  try {
    return JSON.parse(textIn(file));
  } catch (error) {
    if (error instanceof RollbookError) throw error;
    throw new RollbookError("USAGE", { what: `${file} is not JSON: ${(error as Error).message}` });
  }
}

/** @throws FILE_UNREADABLE */
export function textIn(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new RollbookError("FILE_UNREADABLE", { file, reason: (error as Error).message });
  }
}
