import type { ControlPorts } from "./ports.ts";

/** Something outside says that a system is worth a look: sources are asked at once, and the look is recorded. */
export async function lookAt(ports: ControlPorts, system: string, reason: string, key: string): Promise<void> {
  const at = ports.clock.now();
  const entry = { type: "looked", at, system, actor: "rollbook", data: { reason, key } } as const;
  await ports.store.commit([{ kind: "entry", entry }]);
  await ports.askSources?.();
}
