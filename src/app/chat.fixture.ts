import assert from "node:assert/strict";
import type { Playbook } from "../core/playbook.ts";
import { parsePlaybook } from "../playbook/parse-playbook.ts";

/** The playbook of an AI system whose one component is a flag of Rollbook's own, so that nothing else has to run. */
const CHAT = `
rollbook: v1
system: chat
owner: support
risk: low
authority: act
what: { flag: flags://polite, route: gateway://chat }
signals: { errors: { share: failed, of: requests, from: gateway, better: down } }
when: { failing: { errors: above, limit: 20% } }
how: { release: { canary: [50], each: 1h } }
fixed: { errors: { below: 10% }, for: 1s }
`;

export function chatPlaybook(): Playbook {
  const parsed = parsePlaybook(CHAT, "chat.yaml");
  assert.equal(parsed.kind, "parsed");
  return (parsed as { playbook: Playbook }).playbook;
}
