// The disk fills up, becomes read-only, or fails to flush, under a saga: real processes, real errors. Whatever happens,
// traffic is contained, nothing acknowledged is lost, the process says what it is, and goes on after the repair.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it, type TestContext } from "node:test";
import { type ControllerProcess, startController, type Task } from "./controller-process.ts";
import {
  assertContained,
  assertEffects,
  assertFinished,
  audit,
  createFaultWorld,
  type FaultWorld,
  MEMORY,
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

/** Three releases, and the way back of each. */
const thrice = { ...story, rounds: 3 } as const;

const FLUSHES = ["fsync", "fdatasync"];
const WRITES = ["pwrite64"];

/** Runs a story under a tracer of some calls. */
function startTraced(task: Task, calls: readonly string[], ...args: readonly string[]): ControllerProcess {
  return startController(task, [strace, "-qqq", "-s", "4096", "-e", `trace=${calls.join()}`, ...args]);
}

interface Span {
  readonly first: number;
  readonly last: number;
}

/** How many such calls were made until something was acknowledged for the first and for the last time. */
function acknowledgedWithin(trace: readonly string[], calls: readonly string[]): Span {
  let made = 0;
  const at: number[] = [];
  for (const line of trace) {
    if (calls.some((call) => line.startsWith(`${call}(`))) made += 1;
    if (line.startsWith("write(1,") && line.includes("acked ")) at.push(made);
  }
  assert.ok(at.length > 0, "the tracer saw nothing acknowledged");
  return { first: Math.min(...at), last: Math.max(...at) };
}

describe("calls that fail under a saga", { skip, concurrency: 2 }, () => {
  let trace: readonly string[] = [];
  before(async () => {
    const world = await createFaultWorld();
    const folder = mkdtempSync(join(MEMORY, "rollbook-trace-"));
    try {
      const file = join(folder, "trace");
      const process = startTraced(world.task(thrice), [...FLUSHES, ...WRITES, "write"], "-o", file);
      await assertFinished(process);
      trace = readFileSync(file, "utf8").split("\n");
    } finally {
      rmSync(folder, { recursive: true });
      await world.remove();
    }
  });

  // Shares of the way from the first to the last acknowledgement. How many calls that are depends on the clock, too.
  const failures = [
    ["one flush fails", FLUSHES, "EIO", [0.2, 0.4, 0.6, 0.8], "", /disk I\/O error/],
    ["every write fails for want of room", WRITES, "ENOSPC", [0.2, 0.6], "+", /full/],
    [
      "every write fails because the disk became read-only",
      WRITES,
      "EROFS",
      [0.3, 0.7],
      "+",
      /disk I\/O error|readonly|read-only/,
    ],
  ] as const;
  for (const [what, calls, error, shares, onwards, why] of failures)
    for (const share of shares)
      it(`${what}, ${share * 100} % of the way: it stands contained or ends, and a new process goes on`, async (t) => {
        const world = await createFaultWorld();
        t.after(world.remove);
        const { first, last } = acknowledgedWithin(trace, calls);
        const when = `${Math.round(first + share * (last - first))}${onwards}`;
        t.diagnostic(`${calls[0]} call ${when} of ${last}`);
        const inject = `inject=${calls.join()}:error=${error}:when=${when}`;
        const failing = startTraced(world.task(thrice), calls, "-o", "/dev/null", "-e", inject);
        await assertContained(failing, why);
        failing.kill();
        await failing.ended;
        assert.ok(
          failing.said.some((line) => line.startsWith("acked")),
          "it came so far as to acknowledge something",
        );
        await assertGoesOn(world, failing.said);
      });
});
