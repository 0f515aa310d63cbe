// The disk fills up, becomes read-only, or fails to flush, under a saga: real processes, real errors. Whatever happens,
// traffic is contained, nothing acknowledged is lost, the process says what it is, and goes on after the repair.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type ControllerProcess, startController, type Task } from "./controller-process.ts";
import {
  assertContained,
  assertEffects,
  assertFinished,
  audit,
  createFaultWorld,
  type FaultWorld,
} from "./fault-world.ts";

const strace = process.env["STRACE"] ?? "";
const skip = strace ? false : "no strace: `npm run test:all` installs it, or name it with STRACE";

const mount = (...args: readonly string[]) => spawnSync("mount", args, { encoding: "utf8" }).status === 0;

/** A world whose data folder is a disk of its own, of this size; undefined where this process may not make one. */
async function onSmallDisk(t: TestContext, size: string): Promise<{ world: FaultWorld; disk: string } | undefined> {
  const world = await createFaultWorld();
  const disk = "folder" in world.store ? world.store.folder : "";
  mkdirSync(disk, { recursive: true });
  const mounted = mount("-t", "tmpfs", "-o", `size=${size}`, "tmpfs", disk);
  t.after(async () => {
    if (mounted) spawnSync("umount", ["-l", disk]);
    await world.remove();
  });
  if (mounted) return { world, disk };
  t.skip("by contract: only root mounts a small disk; the same errors are injected in the tests beside this one");
  return undefined;
}

/** Takes whatever room is left. */
function fill(disk: string): void {
  for (const size of [1 << 16, 1 << 12, 1])
    for (let part = 0; ; part += 1)
      try {
        writeFileSync(join(disk, `filler-${size}-${part}`), Buffer.alloc(size));
      } catch {
        break;
      }
}

const story = { story: "rollback", rounds: 1 } as const;

/** After the repair the same saga is finished, and everything that was ever acknowledged is there. */
async function assertGoesOn(world: FaultWorld, said: readonly string[]): Promise<void> {
  const next = startController(world.task({ story: "rollback", rounds: 0 }));
  await assertFinished(next);
  await audit(world, [...said, ...next.said]);
}

describe("a disk", () => {
  it("that is full when the cord is pulled: the share ends at once, and the same process goes on when there is room", async (t) => {
    const small = await onSmallDisk(t, "3m");
    if (!small) return;
    const { world, disk } = small;
    const first = startController(world.task({ ...story, waits: true }));
    await first.until(/^event exposed/);
    fill(disk);
    first.child.kill("SIGUSR2");
    await assertContained(first, /full/);
    for (const file of spawnSync("ls", [disk], { encoding: "utf8" }).stdout.split("\n"))
      if (file.startsWith("filler-")) rmSync(join(disk, file));
    await assertFinished(first);
    assertEffects(world, "rollback");
    await audit(world, first.said);
  });

  it("that fills up by itself: the saga that did not fit is finished on a larger one", async (t) => {
    const small = await onSmallDisk(t, "2m");
    if (!small) return;
    const { world, disk } = small;
    const first = startController(world.task({ story: "both", rounds: 1_000_000 }));
    await assertContained(first, /full/);
    first.kill();
    await first.ended;
    assert.ok(first.said.some((line) => line.startsWith("acked")));
    assert.ok(mount("-o", "remount,size=64m", disk));
    await assertGoesOn(world, first.said);
  });

  it("that has become read-only: a new process says so, changes nothing, and goes on when it can be written again", async (t) => {
    const small = await onSmallDisk(t, "8m");
    if (!small) return;
    const { world, disk } = small;
    const first = startController(world.task({ ...story, waits: true }));
    await first.until(/^event exposed/);
    first.child.kill("SIGKILL");
    await first.ended;
    assert.ok(mount("-o", "remount,ro", disk));
    const refused = startController(world.task({ story: "rollback", rounds: 0 }));
    await assertContained(refused, /read-?only|EROFS/i);
    assert.ok(mount("-o", "remount,rw", disk));
    await assertGoesOn(world, [...first.said, ...refused.said]);
    assertEffects(world, "rollback");
  });
});

/** Runs a story under a tracer that makes some calls fail. */
function startFailing(task: Task, calls: string, error: string, when: string): ControllerProcess {
  const inject = ["-e", `trace=${calls}`, "-e", `inject=${calls}:error=${error}:when=${when}`];
  return startController(task, [strace, "-qqq", "-o", "/dev/null", ...inject]);
}

describe("calls that fail under a saga", { skip, concurrency: 2 }, () => {
  // The first store writes are those of its making and of the restore point; the rest is the saga out and back.
  const failures = [
    ["one flush fails", "fsync,fdatasync", "EIO", ["26", "33", "35", "37"], /disk I\/O error/],
    ["every write fails for want of room", "pwrite64", "ENOSPC", ["260+", "420+"], /full/],
    [
      "every write fails because the disk became read-only",
      "pwrite64",
      "EROFS",
      ["260+", "420+"],
      /disk I\/O error|readonly|read-only/,
    ],
  ] as const;
  for (const [what, calls, error, moments, why] of failures)
    for (const when of moments)
      it(`${what}, from call ${when} on: it stands contained or ends, and a new process goes on`, async (t) => {
        const world = await createFaultWorld();
        t.after(world.remove);
        const first = startFailing(world.task({ ...story, rounds: 3 }), calls, error, when);
        await assertContained(first, why);
        first.kill();
        await first.ended;
        assert.ok(
          first.said.some((line) => line.startsWith("acked")),
          "it came so far as to acknowledge something",
        );
        await assertGoesOn(world, first.said);
      });
});
