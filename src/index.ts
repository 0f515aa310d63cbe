export { type ProtectedSystem, type Rollbook, type RollbookConfig, startRollbook } from "./app/rollbook.ts";
export type { Control } from "./control/control.ts";
export type { ReleasePlans } from "./control/gate.ts";
export type { RolloutEvent } from "./control/ports.ts";
export { errorCatalogue, RollbookError } from "./core/errors.ts";
export { renderPlan } from "./operations/plan-text.ts";
export { parsePlaybook } from "./playbook/parse-playbook.ts";
export type { Report } from "./record/report.ts";
export { renderReport } from "./record/report-text.ts";
