import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { defineRelease } from "../core/release.ts";
import { containmentOf } from "./containment.ts";
import { MOST_RELEASES, nextTarget } from "./next-target.ts";
import { aRevision } from "./playbook.fixture.ts";

const release = (version: number) =>
  defineRelease("loans", `release ${version}`, { model: aRevision(`model ${version}`) });
const [first, second, third] = [release(1), release(2), release(3)];
const none = { else: false, safe: false };

describe("where traffic goes when harm is decided", () => {
  it("is stable while that can serve, then the other way, then the safe state", () => {
    for (const [other, safe] of [
      [true, true],
      [true, false],
      [false, true],
      [false, false],
    ] as const) {
      assert.equal(containmentOf(true, { else: other, safe }), "stable");
      assert.equal(containmentOf(false, { else: other, safe }), other ? "else" : safe ? "safe" : "nowhere");
    }
  });
});

describe("the next target after a restore that is still harmful", () => {
  it("is the newest older release that qualifies and was not tried, and the others are named", () => {
    const older = [
      { release: third, reasons: [] },
      { release: second, reasons: ["model 2 is not held intact"] },
      { release: first, reasons: [] },
    ];
    const { target, passedOver } = nextTarget({ tried: [third.id], older, fallbacks: none });
    assert.deepEqual(target, { kind: "release", release: first });
    assert.deepEqual(passedOver, ["release 2: model 2 is not held intact"]);
  });

  it("is the other way, the safe state, or people when no release is left", () => {
    const kind = (fallbacks: typeof none) => nextTarget({ tried: [first.id], older: [], fallbacks }).target.kind;
    assert.equal(kind({ else: true, safe: true }), "else");
    assert.equal(kind({ else: false, safe: true }), "safe");
    assert.equal(kind(none), "people");
  });

  it("never tries a release twice, and ends after a bounded number", () => {
    const sets = fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 12 });
    fc.assert(
      fc.property(sets, fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), (versions, sound) => {
        const older = versions.map((version, at) => ({
          release: release(version),
          reasons: sound[at] ? [] : ["gone"],
        }));
        const tried = [release(9).id];
        for (let moves = 0; ; moves++) {
          assert.ok(moves <= MOST_RELEASES);
          const { target } = nextTarget({ tried, older, fallbacks: none });
          if (target.kind !== "release") return;
          assert.ok(!tried.includes(target.release.id));
          tried.push(target.release.id);
        }
      }),
    );
  });
});
