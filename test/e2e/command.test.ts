import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createCommandAdapter } from "../../src/adapters/command/index.ts";
import { digestOf } from "../../src/core/digest.ts";
import { describeRestoreAdapter } from "../../src/testing/index.ts";

const SCRIPT = fileURLToPath(new URL("../../src/adapters/command/component.fixture.sh", import.meta.url));
const [OLD, NEW] = [digestOf("model 11"), digestOf("model 12")];

// The strongest guarantee is tested beside the adapter.
for (const guarantee of ["idempotent", "blind"] as const) {
  describeRestoreAdapter({
    name: `the command adapter over a script that is ${guarantee}`,
    setup: async () => {
      const folder = await mkdtemp(join(tmpdir(), "rollbook-command-"));
      for (const name of ["kept", "keys"]) await mkdir(join(folder, name));
      for (const text of ["model 11", "model 12"]) await writeFile(join(folder, "kept", digestOf(text).slice(7)), text);
      for (const [name, text] of Object.entries({ live: "model 11", count: "1\n", fence: "0\n" }))
        await writeFile(join(folder, name), text);
      const argv = [SCRIPT] as const;
      const programs = { read: argv, apply: argv, holds: argv, resolve: argv, seen: argv, identify: argv };
      const path = "/usr/local/bin:/usr/bin:/bin";
      const adapter = createCommandAdapter({
        scheme: "scripts",
        components: { model: { ...programs, guarantee, timeoutMs: 5000 } },
        folder,
        environment: { PATH: path, COMPONENT_FOLDER: folder, COMPONENT_GUARANTEE: guarantee, COMPONENT_SECOND: NEW },
      });
      return {
        adapter,
        at: "scripts://model",
        revisions: [OLD, NEW],
        unknown: digestOf("never built"),
        reference: "second",
        rival: (digest) => copyFile(join(folder, "kept", digest.slice(7)), join(folder, "live")),
        stop: () => rm(folder, { recursive: true }),
      };
    },
  });
}
