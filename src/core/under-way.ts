/** Requests of an arm since the shares last changed, and how many of them have not ended. */
export interface ArmUnderWay {
  readonly begun: number;
  readonly open: number;
}

export interface UnderWay {
  readonly candidate: ArmUnderWay;
  readonly stable: ArmUnderWay;
}
