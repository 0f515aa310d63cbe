import type { Digest } from "../../core/digest.ts";
import type { Concern } from "../../core/ports.ts";
import type { SchemaLook, SchemaRow } from "./schema-record.ts";

/** A database that keeps the views of several versions and shows one of them to readers. */
export interface SchemaDatabase {
  /** One consistent look; changes nothing. */
  read<T>(work: (session: SchemaSession) => Promise<T>, signal: AbortSignal): Promise<T>;
  /**
   * One transaction that no other Rollbook writes beside; it is kept when the work answers `keep`. Throws `Busy` when a
   * lock was not given in time and nothing happened, `Unsettled` when the outcome of the commit is not known.
   */
  write<T>(work: (session: SchemaSession) => Promise<Decision<T>>, signal: AbortSignal): Promise<T>;
  close(): Promise<void>;
}

export interface Decision<T> {
  readonly keep: boolean;
  readonly answer: T;
}

export interface SchemaSession {
  look(): Promise<SchemaLook>;
  /** The digest of a version's kept views, which are not live; undefined when they are gone or no longer work. */
  kept(row: SchemaRow): Promise<Digest | undefined>;
  append(row: Omit<SchemaRow, "seq" | "identity">): Promise<void>;
  /** Runs a user's statements for the tables. Throws `Forbidden` when they ended the transaction. */
  runOnTables(sql: string): Promise<void>;
  /** Makes the views of a version without showing them. */
  build(version: number, views: string): Promise<{ readonly catalogue: Digest; readonly ddl: string | null }>;
  /** Shows a version to readers in place of what is live. */
  show(to: SchemaRow, look: SchemaLook): Promise<void>;
  /** Drops the kept views of a version. */
  forget(version: number): Promise<void>;
  /** What this kind of database knows about going to a version. `expands`: tables will be changed. */
  concerns(expands: boolean): Promise<readonly Concern[]>;
  /** The one number that a query answers. */
  count(query: string): Promise<number>;
}

/** A lock was not given in time; nothing happened. */
export class Busy extends Error {}

/** A commit was sent and its answer is not known. */
export class Unsettled extends Error {}

/** Statements that must not be run, or that the database will never take. */
export class Forbidden extends Error {}
