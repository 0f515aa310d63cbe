// The fish of the whole-program tests: Debian's, or the one that FISH_PROGRAM names.
import { provideDebianCommand } from "../debian.mjs";

export const name = "FISH_PROGRAM";

export const provide = () => provideDebianCommand(name, "fish");
