export { createPagerDutyChannel, type PagerDutyOptions, type Severity } from "./pagerduty-channel.ts";
