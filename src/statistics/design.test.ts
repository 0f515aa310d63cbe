import assert from "node:assert/strict";
import { test } from "node:test";
import { driftDesign, harmDesign } from "./index.ts";

test("alternatives of drift get closer towards the line, in either form, and their weights sum to 1", () => {
  for (const request of [
    { form: "poisson-tilt", null: { ratio: 0, points: 0.008 }, forecast: 0.005 },
    { form: "projected-bernoulli", null: { ratio: 0, points: 0.42 }, forecast: 0.4 },
  ] as const) {
    const { alternatives, direction } = driftDesign(request);
    const logs = alternatives.map(({ effect }) => Math.log(effect));
    const steps = logs.slice(1).map((log, index) => log / logs[index]!);
    assert.equal(direction, "harm");
    assert.ok(Math.abs(alternatives[0]!.effect - (request.form === "poisson-tilt" ? 1.22 : 1.15)) < 1e-12);
    assert.ok(steps.every((step) => Math.abs(step - steps[0]!) < 1e-9));
    assert.ok(Math.abs(alternatives.reduce((sum, { weight }) => sum + weight, 0) - 1) < 1e-12);
    assert.ok(
      alternatives[0]!.effect < harmDesign({ ...request, null: { ratio: 1.6, points: 0 } }).alternatives[1]!.effect,
    );
  }
});
