import { z } from "zod";
import { createAlertmanagerAlerts } from "../../adapters/alertmanager/index.ts";
import type { ConnectionKind } from "./connection.ts";
import { accessOf, exposure, serverKeys } from "./server-settings.ts";
import { serviceUrl } from "./service-url.ts";

const settings = z
  .strictObject({
    /** Of the Alertmanager to ask; without it only what is posted counts. */
    url: serviceUrl.optional(),
    ...serverKeys,
    /** The system that every alert speaks of. */
    system: z.string().min(1).max(120).optional(),
    /** The label that names the system. */
    label: z
      .string()
      .regex(/^[a-zA-Z_]\w*$/, "is no name of a label")
      .optional(),
  })
  .superRefine((given, context) => {
    const flaw = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    const message = exposure(given);
    if (message !== undefined) flaw("url", message);
    if (given.system !== undefined && given.label !== undefined) flaw("label", "say either `system` or `label`");
    for (const key of ["auth", "ca", "timeout", "every"] as const)
      if (given.url === undefined && given[key] !== undefined) flaw(key, "is for asking: say the `url`");
  });

/** Alerts of Alertmanager as reasons to look; see docs/adapters/alertmanager.md. */
export const alertmanager: ConnectionKind<z.infer<typeof settings>> = {
  kind: "alertmanager",
  summary: "alerts as reasons to look at once",
  settings,
  connect(_name, { url, system, label = "system", every = 5000, ...access }, world) {
    const alerts = createAlertmanagerAlerts({
      system: system === undefined ? { label } : { always: system },
      ...(url === undefined ? {} : { server: { ...accessOf({ url, ...access }, world), everyMs: every } }),
    });
    return { alerts, close: () => alerts.close() };
  },
};
