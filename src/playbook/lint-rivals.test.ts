import assert from "node:assert/strict";
import { test } from "node:test";
import type { Playbook } from "../core/playbook.ts";
import { findRivals, rivalFinding } from "./lint-rivals.ts";
import { parsePlaybook } from "./parse-playbook.ts";

function playbook(system: string, what: string, authority = "act"): Playbook {
  const text = `rollbook: v1
system: ${system}
owner: support
risk: low
authority: ${authority}
traffic: 1000 chats/s
what: { ${what} }
signals: { escalations: { share: escalated, of: chats, from: events, better: down } }
when: { more: { escalations: rises, by: 50% } }
how: { release: { canary: [50], each: 10m } }
fixed: { escalations: { within: 100% }, for: 5m }
`;
  const parsed = parsePlaybook(text, `${system}.yaml`);
  if (parsed.kind === "invalid") assert.fail(JSON.stringify(parsed.issues));
  return parsed.playbook;
}

test("two acting playbooks may not name the same target, in whichever of its places", () => {
  const one = playbook("one", "prompt: { at: vault://a, beside: vault://b }, route: gateway://one");
  const two = playbook("two", "bot: vault://b/, route: gateway://one");
  const found = findRivals([one, two]);
  assert.deepEqual(found, [{ address: "vault://b", first: one, second: two }]);
  const { level, message, hint } = rivalFinding(found[0] as never);
  assert.equal(level, "warning");
  assert.equal(message, "vault://b is restored by one already, and the two would undo each other.");
  assert.match(hint, /into one playbook, or write `authority: observe`/);
});

test("two release flags of one key are rivals, for each rollout would move the other's share", () => {
  const one = playbook("one", "prompt: vault://a, route: flags://chat");
  const two = playbook("two", "prompt: vault://b, route: flags://chat");
  assert.deepEqual(
    findRivals([one, two]).map(({ address }) => address),
    ["flags://chat"],
  );
});

test("who only observes is nobody's rival, and neither is a system its own", () => {
  const acting = playbook("one", "prompt: { at: vault://a, beside: vault://b }, route: gateway://one");
  const watching = playbook("two", "prompt: vault://a, route: gateway://two", "observe");
  assert.deepEqual(findRivals([acting, watching, acting]), []);
});
