import assert from "node:assert/strict";
import { test } from "node:test";
import { releaseInput } from "./inputs.ts";

test("a label is one line of printable text", () => {
  const labelled = (label: string) => releaseInput.safeParse({ label, references: { model: "13" } });
  for (const fine of ["model 13", "modèle n° 13 – été", "模型 13", "🚀 13"])
    assert.equal(labelled(fine).success, true, fine);
  for (const odd of ["model\n13", "model\r13", "a\tb", "\u001b[31mred", "a\u2028b", "a\u0000b"]) {
    const read = labelled(odd);
    assert.equal(read.success, false, JSON.stringify(odd));
    assert.match(read.error?.issues[0]?.message ?? "", /one line without control characters/);
  }
  const revisions = { model: { digest: `sha256:${"0".repeat(64)}`, label: "a\nb" } };
  assert.equal(releaseInput.safeParse({ revisions }).success, false);
});
