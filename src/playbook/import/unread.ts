import { type Lost, lostAt } from "./draft.ts";
import type { ForeignNode, ForeignReader } from "./foreign-file.ts";

/** Why a key has no counterpart, by how its path ends. The first that fits is said. */
const reasons: readonly (readonly [RegExp, string])[] = [
  [
    /webhooks/,
    "programs that are called during a release: a check of yours can be a policy (`policy:`, `how.release.allow`).",
  ],
  [/alerts/, "who is told: write addresses under `who`."],
  [/(?:mirror|setMirrorRoute)/, "mirrored traffic is not served to anybody, so there are no outcomes to count."],
  [/(?:match|setHeaderRoute)\b/, "traffic is divided by a sticky assignment of all users, not by headers."],
  [
    /(?:setCanaryScale|maxSurge|maxUnavailable|[dD]elay(?:Seconds|RevisionLimit)|dynamicStableScale|antiAffinity|pingPong|primaryReadyThreshold|canaryReadyThreshold|progressDeadlineSeconds|autoscalerRef)/,
    "how many pods run stays the cluster's business.",
  ],
  [/(?:trafficRouting|gatewayRefs|service|ingressRef|routeRef)\b/, "who routes traffic: name it under `what.route`."],
  [/measurementRetention|ttlStrategy/, "every count stays in the record."],
  [/(?:steps\[\d+\]\.plugin|resourcePlugin)/, "plug-ins of the controller have no counterpart."],
  [/rollbackWindow/, "every release is gated, also one that was out before."],
  [/experiment\b/, "an experiment with pods of its own has no counterpart; stable is always the baseline."],
  [/blueGreen/, "blue-green has no shares of traffic: choose them under `how.release.canary`."],
  [/skipAnalysis/, "a release without analysis is refused nowhere, and promoted by an order of a person."],
  [
    /classifier|groupWeights/,
    "there is no score: a trigger that is proved rolls back, whatever others say; all share one false-alarm probability.",
  ],
  [/secretRef/, "how to sign in: write it under `auth` of the connection; secrets are never copied."],
  [/stepWeightPromotion/, "promotion is one step; the holdback stays on the release before."],
  [/(?:canary|stable)(?:Service|Metadata)/, "who routes traffic: name it under `what.route`."],
  [/judge/, "the judge is Rollbook's own evaluator."],
];

/** What nobody has read of these objects, each with the reason where there is one. */
export function unreadParts(roots: readonly ForeignNode[], reader: ForeignReader): readonly Lost[] {
  return roots.flatMap((root) =>
    reader.unread(root).flatMap((node) => {
      // What is switched off says nothing.
      if (node.text === "false") return [];
      const known = reasons.find(([pattern]) => pattern.test(node.path));
      return [lostAt(node, known?.[1] ?? "a playbook has nothing for it.")];
    }),
  );
}
