/** What an application reports of one request. */
export interface Outcome {
  /** Outcomes by name, in whole numbers. */
  readonly counts: Readonly<Record<string, number>>;
  /** What `mean` and `time` signals read, each in its own unit. */
  readonly values?: Readonly<Record<string, number>>;
  /** For triggers that compare groups: `{ "applicant-group": "b" }`. */
  readonly groups?: Readonly<Record<string, string>>;
  /** What signals with `per` count: `{ session: "s-17" }`, or a text that stands for whatever they name. */
  readonly unit?: string | Readonly<Record<string, string>>;
}
