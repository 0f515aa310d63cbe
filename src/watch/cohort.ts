import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import { Maturing } from "./maturing.ts";
import { SpentSpans } from "./spent-spans.ts";
import { BY_CLOCK, type Watermark } from "./watermark.ts";

/** What was counted of one side of a comparison. */
export interface Arm {
  n: number;
  k: number;
  /** Counts by cell, of a signal of values. */
  cells?: Map<number, number>;
}

type CellCounts = Iterable<readonly [cell: number, count: number]>;

/** Counts of one signal in one span of requests, both sides: one factor of an e-process. */
export interface Cohort {
  readonly bucket: Instant;
  readonly candidate: Arm;
  readonly reference: Arm;
}

/** Gathers what becomes known of each second of requests, and hands it over in closed cohorts. */
export interface Cohorts {
  /** Takes one batch (one node, one sequence) and answers the cohorts that it closes. */
  take(batch: readonly Sample[]): readonly Cohort[];
  /** The cohorts that have matured by now. */
  ripen(now: Instant): readonly Cohort[];
  /** When the next one may have matured, if no samples come. */
  nextRipe(now: Instant): Instant;
  /** Outcomes of the candidate of seconds whose reference was compared without them; without a maturity. */
  readonly stranded: number;
}

export interface CohortsSetup {
  /** Which side a sample belongs to; neither is possible. */
  readonly sideOf: (sample: Sample) => "candidate" | "reference" | undefined;
  /** The sides are compared; without that every batch closes its cohorts. */
  readonly compares: boolean;
  /** How long the requests of one cohort may lie apart: one second, unless said otherwise. */
  readonly span?: Milliseconds;
  /** Cohorts are compared when they are this old. 0: as their outcomes come. */
  readonly maturity: Milliseconds;
  /** Whose reports have to have come so far; the clock, unless said otherwise. */
  readonly mark?: Watermark;
  /** Their second is the one in which requests ended, as `known` has it, and not the one in which they began. */
  readonly byEnding?: boolean;
}

/**
 * So many reference observations make a cohort worth closing. Evidence is taken within a cohort, so a small one wastes what
 * chance does to its split, and a large one waits (docs/detection.md). Measured at 1 to 50 % canary: of 1 and 5 %, 30 cost 1 to
 * 2 % more bad answers than 60; of 20 and 50 % it is nearly the same, but at 50 % 90 cost up to 5 % more than 60.
 */
const ENOUGH = 60;
/** What is left of a second is worth closing when so many are known and the next second has begun. */
const FEW = 30;
/** When the reference of a second this much later is known, few more outcomes of this one will come. */
const SETTLED: Milliseconds = 2000;
/** So long candidates wait for a reference of their second: where it is thin, most seconds have none. */
const FORGOTTEN: Milliseconds = 86_400_000;
const SECOND: Milliseconds = 1000;

interface OpenCohort extends Cohort {
  /** It is among those that may close. */
  open: boolean;
}

interface Node {
  readonly name: string;
  /** The newest second of the reference. */
  newest: Instant;
  /** When something of either side became known last. */
  latest: Instant;
  /** By the number of their span: a small integer is a quick key. */
  coming: Map<number, OpenCohort> | undefined;
  /** The one of `coming` that was added to last. Most are closed by their own batch, and never get into the map. */
  recent: OpenCohort | undefined;
  open: OpenCohort[];
  /** Those that began with the candidate alone, and which seconds were over when they were looked through. */
  alone: OpenCohort[];
  over: Instant;
}

const NONE: readonly Cohort[] = Object.freeze([]);
/** The open ones of all nodes that have none, one list for all: most often nobody has any. */
const NONE_OPEN: OpenCohort[] = [];

/**
 * Without a maturity, outcomes are compared only with outcomes of the same second that became known in the same span of
 * time. In quiet traffic a batch often brings a second's candidates without its reference, or the other way round, so a
 * cohort stays open until it holds enough reference, fewer once a later second has begun, or any at all once the second has
 * settled. Candidates wait for the first. When a cohort closes depends on how many *reference* observations there are, and on
 * nothing else: so the borders are predictable, every cohort keeps its expectation of at most 1 under the null, and one more bad outcome of the
 * candidate joins a cohort without moving a border, so it can only add to the evidence of harm.
 *
 * That is so node by node: what one node says at once became known in the same span of time. With a maturity, all that is
 * known of a second at that age is one cohort (`Maturing`), and what comes later still is compared as it comes. Which cohort a
 * sample is of depends on the samples before it, and not on when anybody looks.
 */
export function createCohorts(setup: CohortsSetup): Cohorts {
  return new NodesOfCohorts(setup);
}

/** A class, since there are very many: one object each, and not one for every function. */
class NodesOfCohorts implements Cohorts {
  readonly #sideOf: CohortsSetup["sideOf"];
  readonly #compares: boolean;
  readonly #span: Milliseconds;
  readonly #maturing: Maturing | undefined;
  readonly #byEnding: boolean;
  readonly #nodes = new Map<string, Node>();
  #latest: Node | undefined;
  /** The newest second of the reference, at any node. */
  #newest = Number.NEGATIVE_INFINITY;
  readonly #spent = new SpentSpans();
  stranded = 0;

  constructor(setup: CohortsSetup) {
    this.#sideOf = setup.sideOf;
    this.#compares = setup.compares;
    this.#span = setup.span ?? SECOND;
    if (setup.maturity > 0) this.#maturing = new Maturing(this.#span, setup.maturity, setup.mark ?? BY_CLOCK);
    this.#byEnding = setup.byEnding ?? false;
  }

  take(batch: readonly Sample[]): readonly Cohort[] {
    const node = this.#nodeOf(batch[0]?.node ?? "");
    const whole = this.#wholeOf(node, batch);
    if (whole) return [whole];
    for (const sample of batch) this.#add(node, sample);
    const closed = this.#closeOf(node);
    this.#strand(node);
    if (node.coming) forget(node.coming, node.latest - FORGOTTEN);
    return closed;
  }

  ripen(now: Instant): readonly Cohort[] {
    return this.#maturing?.ripen(now) ?? NONE;
  }

  nextRipe(now: Instant): Instant {
    return this.#maturing?.nextRipe(now) ?? Number.POSITIVE_INFINITY;
  }

  /** Most often nothing waits, and a batch is a cohort by itself that closes at once: nothing is kept of it. */
  #wholeOf(node: Node, batch: readonly Sample[]): Cohort | undefined {
    const [first] = batch;
    const waits = node.open.length > 0 || node.recent || (node.coming && node.coming.size > 0);
    if (!first || waits || this.#maturing) return;
    const number = Math.floor(this.#secondOf(first) / this.#span);
    const cohort = freshCohort(number * this.#span);
    let { newest } = node;
    const latest = Math.max(node.latest, knownOf(first));
    for (const sample of batch) {
      const side = this.#sideOf(sample);
      const second = this.#secondOf(sample);
      if (side === undefined || Math.floor(second / this.#span) !== number) return;
      if (side === "reference" && second > newest) newest = second;
      join(cohort[side], sample);
    }
    if (this.#compares && cohort.reference.n < Math.max(1, this.#enoughAt(newest, cohort))) return;
    this.#reach(node, newest);
    node.latest = latest;
    if (this.#compares) this.#spent.add(number);
    return cohort;
  }

  #reach(node: Node, second: Instant): void {
    node.newest = second;
    if (second > this.#newest) this.#newest = second;
  }

  #secondOf({ bucket, known }: Sample): Instant {
    return this.#byEnding && known !== undefined && known > bucket ? Math.floor(known / SECOND) * SECOND : bucket;
  }

  /** So many reference observations close a cohort, when this is the newest second of the reference. */
  #enoughAt(newest: Instant, { bucket }: Cohort): number {
    const since = newest - (bucket + this.#span - SECOND);
    return since >= SETTLED ? 0 : since > 0 ? FEW : ENOUGH;
  }

  #nodeOf(name: string): Node {
    if (this.#latest?.name === name) return this.#latest;
    const node = this.#nodes.get(name) ?? freshNode(name);
    this.#nodes.set(name, node);
    this.#latest = node;
    return node;
  }

  #add(node: Node, sample: Sample): void {
    const side = this.#sideOf(sample);
    if (side === undefined) return;
    const second = this.#secondOf(sample);
    const number = Math.floor(second / this.#span);
    if (side === "reference" && second > node.newest) this.#reach(node, second);
    node.latest = Math.max(node.latest, knownOf(sample));
    if (this.#maturing?.takes(sample, second, side)) return;
    const cohort = this.#comingAt(node, number);
    if (this.#compares && !this.#maturing && side === "candidate" && isEmpty(cohort)) node.alone.push(cohort);
    join(cohort[side], sample);
    if (cohort.open || (this.#compares && cohort.reference.n === 0)) return;
    cohort.open = true;
    if (node.open === NONE_OPEN) node.open = [cohort];
    else node.open.push(cohort);
  }

  #comingAt(node: Node, number: number): OpenCohort {
    const bucket = number * this.#span;
    const { recent } = node;
    if (recent?.bucket === bucket) return recent;
    if (recent) {
      node.coming ??= new Map();
      node.coming.set(recent.bucket / this.#span, recent);
    }
    const waiting = node.coming?.get(number);
    node.recent = waiting ? undefined : freshCohort(bucket);
    return waiting ?? node.recent!;
  }

  /** Takes out the open cohorts that hold enough, or that have settled. */
  #closeOf(node: Node): readonly Cohort[] {
    let kept = 0;
    let closed: Cohort[] | undefined;
    for (const cohort of node.open) {
      if (this.#compares && cohort.reference.n < this.#enoughAt(node.newest, cohort)) {
        node.open[kept++] = cohort;
        continue;
      }
      if (node.recent === cohort) node.recent = undefined;
      else node.coming?.delete(cohort.bucket / this.#span);
      if (this.#compares && !this.#maturing) this.#spent.add(cohort.bucket / this.#span);
      if (closed) closed.push(cohort);
      else closed = [cohort];
    }
    if (kept === 0) node.open = NONE_OPEN;
    else while (node.open.length > kept) node.open.pop();
    return closed ?? NONE;
  }

  /** Counts the candidates whose second is over, at their node or where all of the reference is, and was compared without them. */
  #strand(node: Node): void {
    const over =
      (node.newest === Number.NEGATIVE_INFINITY ? this.#newest : node.newest) - this.#span + SECOND - SETTLED;
    if (node.alone.length === 0 || over === node.over) return;
    node.over = over;
    node.alone = node.alone.filter(({ bucket, candidate, reference }) => {
      if (bucket >= over && bucket >= node.latest - FORGOTTEN) return true;
      if (reference.n === 0 && this.#spent.has(bucket / this.#span)) this.stranded += candidate.n;
      return false;
    });
  }
}

function knownOf({ known, bucket }: Sample): Instant {
  return known ?? bucket;
}

function isEmpty({ candidate, reference }: Cohort): boolean {
  return candidate.n === 0 && candidate.k === 0 && reference.n === 0;
}

/** Drops candidates whose second never had a reference, the oldest first. */
function forget(coming: Map<number, OpenCohort>, before: Instant): void {
  for (const [number, { bucket, reference }] of coming) {
    if (bucket >= before || reference.n > 0) return;
    coming.delete(number);
  }
}

function freshNode(name: string): Node {
  return {
    name,
    newest: Number.NEGATIVE_INFINITY,
    latest: Number.NEGATIVE_INFINITY,
    coming: undefined,
    recent: undefined,
    open: NONE_OPEN,
    alone: [],
    over: Number.NEGATIVE_INFINITY,
  };
}

export function freshCohort(bucket: Instant): OpenCohort {
  return { bucket, candidate: { n: 0, k: 0 }, reference: { n: 0, k: 0 }, open: false };
}

/** Adds counts to those of a side. */
export function join(arm: Arm, { n, k, cells }: Pick<Sample, "n" | "k"> & { readonly cells?: CellCounts }): void {
  arm.n += n;
  arm.k += k;
  if (!cells) return;
  arm.cells ??= new Map();
  for (const [cell, count] of cells) arm.cells.set(cell, (arm.cells.get(cell) ?? 0) + count);
}
