// The tracer of the whole-program tests, which records what reaches the disk and makes it fail: Debian's, or the one
// that STRACE names.
import { provideDebianCommand } from "../debian.mjs";

export const name = "STRACE";

export const provide = () => provideDebianCommand(name, "strace");
