export { type Alerts, type AlertsOptions, createAlertmanagerAlerts } from "./alertmanager-alerts.ts";
export type { ReasonToLook } from "./reason-to-look.ts";
