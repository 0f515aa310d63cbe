// The live page: listens to the event stream and draws what it says. Speaks HTTP only and builds every node from
// text, so nothing that a model, a label or a reason contains can become markup.
import { drawChart } from "/chart.js";

const find = (id) => document.getElementById(id);
const STATES = {
  harm: ["harm", "Harmful: going back"],
  contained: ["harm", "Contained, and restoring"],
  step: ["harm", "Restoring"],
  restored: ["watching", "Restored"],
  proving: ["watching", "Proving that it is fixed"],
  promoted: ["good", "Promoted"],
  settled: ["good", "Promoted, and stable from here on"],
  noticed: ["harm", "Somebody changed a component without Rollbook"],
  ordered: ["watching", "A person steers"],
  looked: ["watching", "Looking"],
  exposed: ["watching", "Watching a candidate"],
  judged: ["watching", "Watching a candidate"],
  blind: ["harm", "The candidate cannot be seen"],
  baseline: ["watching", "Watching stable"],
  deploying: ["watching", "Deploying the candidate"],
  resumed: ["watching", "Going on after a restart"],
  drifted: ["harm", "Has drifted: people were told"],
  "observed-harm": ["harm", "Would have rolled back"],
};
const OUTCOMES = {
  promoted: ["good", "Promoted: proved to do no harm"],
  "rolled-back-verified": ["good", "Rolled back, and proved fixed"],
  "rolled-back-unverified": ["harm", "Rolled back, but not proved fixed"],
  undecided: ["harm", "Undecided: neither promoted nor found harmful"],
  stuck: ["harm", "Stuck: contained, but people are needed"],
  "observed-harm": ["harm", "Would have rolled back"],
};

/** What is known of the rollout that is shown. */
let seen = fresh();

function fresh(rollout) {
  return { rollout, points: [], marks: [], zero: undefined, threshold: 0, rollback: undefined };
}

function element(name, text, attributes = {}) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

/** Fills a table's body; each cell knows its column's name, for screens too small for columns. */
function fill(id, rows) {
  const body = find(id);
  const names = [...body.parentElement.querySelectorAll("thead th")].map((head) => head.textContent);
  const lines = rows.map((cells) => {
    const line = element("tr");
    line.append(...cells.map((text, i) => element("td", text, { "data-name": names[i] })));
    line.dataset.verdict = cells.at(-1);
    return line;
  });
  body.replaceChildren(...lines);
}

function pairs(id, entries) {
  const groups = entries.map(([name, text]) => {
    const group = element("div");
    group.append(element("dt", name), element("dd", text));
    return group;
  });
  find(id).replaceChildren(...groups);
  find(id).hidden = groups.length === 0;
}

const seconds = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
const share = ({ n, k, mean, group }) => {
  const who = group === undefined ? "" : `${group}: `;
  if (n === 0) return `${who}none seen`;
  if (mean !== undefined) return `${who}a mean of ${mean.toFixed(3)} (${n})`;
  return `${who}${((100 * k) / n).toFixed(1)} in 100 (${k} of ${n})`;
};
const percentOf = (ppm) => Math.round(ppm / 10_000);

function odds(logE) {
  if (logE === null || logE === undefined || logE < 0) return "under 1 to 1";
  if (logE > 20) return `10^${Math.floor(logE / Math.LN10)} to 1`;
  return `${Math.floor(Math.exp(logE)).toLocaleString("en-US")} to 1`;
}

function showTraffic(ppm) {
  const percent = percentOf(ppm);
  const words = percent === 0 ? "all of it stable" : `${100 - percent} % stable, ${percent} % candidate`;
  find("bar-stable").style.flexGrow = String(100 - percent);
  find("bar-candidate").style.flexGrow = String(percent);
  find("bar-candidate").textContent = percent === 0 ? "" : "candidate";
  find("traffic-words").textContent = words;
  find("bar").setAttribute("aria-label", words);
}

// A claim about a limit of its own has none; neither has one beside which stable gave no answer.
const isHard = ({ method }) => method === "hard-limit" || method === "run-length";
const CANDIDATE = (item) => (item.method === "run-length" ? `longest run ${item.candidate.k}` : share(item.candidate));
const REFERENCE = (item) => (item.reference.n > 0 ? share(item.reference) : isHard(item) ? "a fixed limit" : "none");
/** A hard limit has no odds: it is broken or it is kept. */
const VERDICT = (item) => {
  if (isHard(item) && item.kind !== "harmful") return "kept";
  const { kind, doubts = [], segments = [], assumes } = item;
  const more = [...doubts, ...segments.map(({ candidate }) => share(candidate)), ...(assumes ? [assumes] : [])];
  return more.length > 0 ? `${kind}: ${more.join("; ")}` : kind;
};
const HARM = (item) => (isHard(item) ? "no statistics" : odds(item.logHarm));

function showVerdict({ kind, verdict, rollout }) {
  if (kind === "proving" || rollout.rollback?.restoredAt) {
    const rows = verdict.findings.map((item) => [
      item.claim,
      share(item.candidate),
      REFERENCE(item),
      odds(item.logSafe),
      item.kind,
    ]);
    fill("fixed", rows);
    find("proof").hidden = false;
    return;
  }
  fill(
    "findings",
    verdict.findings.map((item) => [item.claim, CANDIDATE(item), REFERENCE(item), HARM(item), VERDICT(item)]),
  );
  if (verdict.logEvidence === null || !rollout.exposedAt) return;
  find("evidence").hidden = false;
  seen.threshold = verdict.logThreshold;
  if (seen.points.at(-1)?.at !== verdict.at) seen.points.push({ at: verdict.at, value: verdict.logEvidence });
  drawChart(find("chart"), seen);
}

/** One line for what people would tell each other; judgements and intents are in the chart and the table. */
function addMoment(event) {
  const { kind, step, at, rollout } = event;
  if (kind === "judged" || kind === "blind" || (kind === "proving" && event.verdict)) return;
  if (kind === "step" && step.status === "intent") return;
  const text =
    kind === "step"
      ? `${step.step} ${step.status === "done" ? "is back" : "is stuck"}${step.recovered ? " (recovered after a crash)" : ""}`
      : event.text;
  for (const recorded of find("timeline").querySelectorAll("[data-kind=recorded]")) recorded.remove();
  const since = (at - (seen.zero ?? rollout.startedAt)) / 1000;
  addLine(kind, `${seen.zero && since >= 0 ? "+" : ""}${since.toFixed(1)} s`, text);
}

/** What the record knows, where no event was heard: after a restart. */
function showRecorded(timeline) {
  if (find("timeline").childElementCount > 0) return;
  for (const { sinceExposure, what } of timeline)
    addLine("recorded", `${sinceExposure >= 0 ? "+" : ""}${(sinceExposure / 1000).toFixed(1)} s`, what);
}

function addLine(kind, time, text) {
  const item = element("li", undefined, { "data-kind": kind });
  item.append(element("time", time), element("span", text));
  find("timeline").append(item);
}

async function showReport(rollout) {
  const answer = await fetch(`/v1/rollouts/${encodeURIComponent(rollout)}/report`);
  if (!answer.ok || seen.rollout !== rollout) return;
  const report = await answer.json();
  const [state, headline] = OUTCOMES[report.outcome] ?? ["watching", report.outcome];
  find("state").dataset.state = state;
  const word = report.outcome === "promoted" ? report.promotedOn : undefined;
  find("headline").textContent = word ? `Promoted by ${word.by}, and ${word.verdict} then: ${word.reason}` : headline;
  const { badAnswers: bad, article, ledger, components, fixed, candidate } = report;
  find("detail").textContent =
    `${candidate.label}${candidate.quarantined ? ", now in quarantine" : ""}${report.because.length ? `: ${report.because.join(", ")}` : ""}${report.toDo ? `. To do: ${report.toDo}.` : ""}`;
  pairs(
    "clocks",
    Object.entries(report.clocks).map(([name, span]) => [
      `time to ${name}`.replace("time to total", "all in all"),
      span < 1 ? "< 1 ms" : seconds(span),
    ]),
  );
  const more =
    bad.excess === undefined
      ? "stable had no answers to compare with"
      : `${bad.excess} more than stable would have served`;
  find("bad").textContent =
    `Bad answers served by the candidate: ${bad.served} of ${bad.of} (${bad.meaning}); ${more}.`;
  find("bad").hidden = false;
  fill(
    "components",
    components.map((item) => [
      item.component,
      item.label,
      item.wanted.slice(7, 19),
      (item.found ?? "").slice(7, 19),
      item.status === "done" ? "back" : item.status,
    ]),
  );
  find("note").textContent = components
    .map(({ component, note }) => (note ? `${component}: ${note}` : ""))
    .filter(Boolean)
    .join(" · ");
  showRecorded(report.timeline);
  find("restored").hidden = components.length === 0;
  if (fixed.length > 0)
    fill(
      "fixed",
      fixed.map((item) => [item.claim, share(item.candidate), REFERENCE(item), odds(item.logSafe), item.kind]),
    );
  find("proof").hidden = fixed.length === 0;
  find("rule").textContent = `The rule: ${article.rule}.`;
  pairs("article", [
    ["on technical errors", article.onErrors],
    [`on ${bad.signal}`, article.onBusiness],
    ["on stable, which does no harm", article.onStable],
    ["its five-minute bar", article.fiveMinutes],
  ]);
  find("comparison").hidden = false;
  find("ledger").textContent =
    `Ledger: ${ledger.size} entries, root ${ledger.root.slice(0, 20)}..., ${ledger.verified ? "verified" : "NOT verified"}`;
  find("as-data").href = `/v1/rollouts/${encodeURIComponent(rollout)}/report`;
  find("as-data").textContent = "this report as data";
}

/** How far Rollbook's clock is ahead of ours. */
let ahead = Number.NEGATIVE_INFINITY;
const learnNow = (now) => {
  // An event may be an old one that is told again, so the latest time that was heard is the best.
  ahead = Math.max(ahead, now - Date.now());
};

/** While a rollback runs: what each phase has taken, of what it may take. */
function showPhases(rollback, now) {
  if (!rollback?.deadlines) return;
  const { decidedAt, containedAt, restoredAt, fixedAt, endedAt, deadlines } = rollback;
  const spans = [
    ["contain", decidedAt, containedAt ?? restoredAt],
    ["restore", rollback.restoringSince ?? decidedAt, restoredAt],
    ["verify", restoredAt, fixedAt],
  ];
  const begun = spans.filter(([, from]) => from !== undefined);
  pairs(
    "clocks",
    begun.map(([name, from, until]) => {
      const span = (until ?? endedAt ?? now) - from;
      const late = span > deadlines[name] ? ", late" : "";
      return [`${name}, of ${seconds(deadlines[name])}${late}`, span < 1 ? "< 1 ms" : seconds(span)];
    }),
  );
}

function show(rollout) {
  seen = fresh(rollout);
  find("timeline").replaceChildren();
  for (const id of ["evidence", "restored", "proof", "comparison", "clocks", "bad"]) find(id).hidden = true;
}

function take(event) {
  const { kind, rollout, at } = event;
  if (chosen !== undefined && rollout.system !== chosen) return;
  if (rollout.id !== seen.rollout) show(rollout.id);
  seen.zero ??= rollout.exposedAt;
  const percent = percentOf(event.candidatePpm ?? 0);
  if (kind === "exposed") seen.marks.push({ at, label: `${percent} %` });
  if (kind === "contained" && seen.zero) seen.marks.push({ at, label: "back" });
  find("system").textContent = rollout.system;
  if (kind !== "ended") {
    const [state, headline] = STATES[kind] ?? ["watching", kind];
    find("state").dataset.state = state;
    find("headline").textContent = headline;
  }
  find("detail").textContent = event.text;
  showTraffic(event.candidatePpm ?? 0);
  seen.rollback = rollout.endedAt ? undefined : rollout.rollback;
  learnNow(at);
  showPhases(rollout.rollback, at);
  if (event.verdict?.findings?.length) showVerdict(event);
  else drawChart(find("chart"), seen);
  addMoment(event);
  if (rollout.endedAt) void showReport(rollout.id);
}

/** The system that the address names, or the first one; one page shows one system. */
let chosen = decodeURIComponent(location.hash.slice(1)) || undefined;

/** What the links say now: they are made anew only for news, so that nobody's focus is lost. */
let shown = "";

async function showSystems() {
  const answer = await fetch("/v1/systems");
  if (!answer.ok) return;
  learnNow(Date.parse(answer.headers.get("date")));
  const systems = await answer.json();
  showWayBack(systems);
  if (systems.length < 2) return;
  // The links say which one is shown.
  find("system").classList.add("hidden");
  chosen ??= systems[0].system;
  const news = JSON.stringify(systems.map(({ system, running }) => [system, running !== undefined]));
  if (news === shown) return;
  shown = news;
  const links = systems.map(({ system, running }) => {
    const current = system === chosen ? { "aria-current": "page" } : {};
    return element("a", running ? `${system} (a rollout runs)` : system, {
      href: `#${encodeURIComponent(system)}`,
      ...current,
    });
  });
  find("systems").replaceChildren(...links);
  find("systems").hidden = false;
}

/** A way back that is not ready is shown before anybody needs it. */
function showWayBack(systems) {
  const red = systems.filter(({ wayBack }) => wayBack?.ready === false);
  const lines = red.map(({ system, wayBack }) => {
    const why = wayBack.faults.map(({ about, text }) => `${about}: ${text}`).join("; ");
    return element("p", `${system}: the way back is not ready, so nothing goes forward. ${why}`);
  });
  find("way-back").replaceChildren(...lines);
  find("way-back").hidden = lines.length === 0;
}

/** Where nothing has happened since the start: what the store knows. */
async function showStatus() {
  const query = chosen === undefined ? "" : `?system=${encodeURIComponent(chosen)}`;
  const answer = await fetch(`/v1/status${query}`);
  if (!answer.ok || seen.rollout !== undefined) return;
  const { system, served, rollouts, lastKnownGood: good } = await answer.json();
  find("system").textContent = system;
  find("detail").textContent = good ? `the way back leads to ${good.label}` : "there is no way back yet";
  showTraffic(served?.candidatePpm ?? 0);
  const [newest] = rollouts;
  if (!newest?.endedAt) return;
  show(newest.id);
  await showReport(newest.id);
}

function listen() {
  const stream = new EventSource("/v1/events");
  stream.onopen = () => {
    find("connection").textContent = "live";
    seen = fresh();
    setTimeout(() => seen.rollout === undefined && void showStatus(), 500);
  };
  stream.onerror = () => {
    find("connection").textContent = "offline: Rollbook does not answer";
  };
  stream.onmessage = (message) => take(JSON.parse(message.data));
  new ResizeObserver(() => seen.points.length > 0 && drawChart(find("chart"), seen)).observe(find("chart"));
}

const SYSTEMS_MS = 5000;
const CLOCKS_MS = 500;

addEventListener("hashchange", () => location.reload());
await showSystems().catch(() => undefined);
setInterval(() => void showSystems().catch(() => undefined), SYSTEMS_MS);
setInterval(() => showPhases(seen.rollback, Date.now() + ahead), CLOCKS_MS);
listen();
