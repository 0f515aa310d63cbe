export type { Arm } from "./arm-names.ts";
export { readExpression } from "./expression.ts";
export { createPrometheusSource, isCounted, type PrometheusSourceOptions } from "./prometheus-source.ts";
export { createQueryApi, type QueryApi } from "./query-api.ts";
export type { ServerAccess } from "./server-call.ts";
export type { PrometheusSignal } from "./signal-counter.ts";
