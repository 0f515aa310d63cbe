import assert from "node:assert/strict";
import { it } from "node:test";
import { createRequestsUnderWay } from "./requests-under-way.ts";

it("requests under way are counted by arm, and anew when the shares have changed", () => {
  const requests = createRequestsUnderWay();
  const end = requests.begin("candidate");
  const late = requests.begin("candidate");
  requests.begin("stable");
  end();
  assert.deepEqual(requests.now(), { candidate: { begun: 2, open: 1 }, stable: { begun: 1, open: 1 } });
  requests.restart();
  requests.begin("candidate");
  late();
  assert.deepEqual(requests.now(), { candidate: { begun: 1, open: 1 }, stable: { begun: 0, open: 0 } });
});
