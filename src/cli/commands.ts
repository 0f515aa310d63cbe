import type { Command } from "./command.ts";
import { localCommands } from "./local-commands.ts";
import { lookCommands } from "./look-commands.ts";
import { releaseCommands } from "./release-commands.ts";

/** All commands, by name. */
export const commands: Readonly<Record<string, Command>> = { ...localCommands, ...releaseCommands, ...lookCommands };
