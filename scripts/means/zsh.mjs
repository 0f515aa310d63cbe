// The zsh of the whole-program tests: Debian's, or the one that ZSH_PROGRAM names.
import { provideDebianCommand } from "../debian.mjs";

export const name = "ZSH_PROGRAM";

export const provide = () => provideDebianCommand(name, "zsh");
