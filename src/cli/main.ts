#!/usr/bin/env node
import { enableCompileCache } from "node:module";

// Compiled code is kept in the system's folder for temporary files: the next start takes half the time.
enableCompileCache();
const { runHere } = await import("./process-world.ts");
process.exitCode = await runHere(process.argv.slice(2));
