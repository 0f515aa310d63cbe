// The live page: listens to the event stream and draws what it says. Speaks HTTP only and builds every node from
// text, so nothing that a model, a label or a reason contains can become markup.

const find = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const STATES = {
  harm: ["harm", "Harmful: going back"],
  contained: ["harm", "Contained"],
  step: ["harm", "Restoring"],
  restored: ["harm", "Restored"],
  proving: ["watching", "Proving that it is fixed"],
  promoted: ["good", "Promoted"],
  exposed: ["watching", "Watching a candidate"],
  judged: ["watching", "Watching a candidate"],
  blind: ["harm", "The candidate cannot be seen"],
  baseline: ["watching", "Watching stable"],
  deploying: ["watching", "Deploying the candidate"],
  resumed: ["watching", "Going on after a restart"],
  "observed-harm": ["harm", "Would have rolled back"],
};

let points = [];
let rollout;
let zero;

function element(name, text, attributes = {}) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function row(cells) {
  const line = element("tr");
  for (const cell of cells) line.append(cell instanceof Node ? cell : element("td", cell));
  return line;
}

const seconds = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
const share = ({ n, k }) => (n === 0 ? "none seen" : `${((100 * k) / n).toFixed(1)} in 100 (${k} of ${n})`);

function odds(logE) {
  if (logE === null || logE === undefined || logE < 0) return "under 1 to 1";
  if (logE > 20) return `10^${Math.floor(logE / Math.LN10)} to 1`;
  return `${Math.floor(Math.exp(logE)).toLocaleString("en-US")} to 1`;
}

function showTraffic(ppm) {
  const percent = ppm / 10_000;
  find("bar-stable").style.flexGrow = String(100 - percent);
  find("bar-candidate").style.flexGrow = String(percent);
  find("traffic-words").textContent = `${(100 - percent).toFixed(0)} % stable, ${percent.toFixed(0)} % candidate`;
  find("bar").setAttribute("aria-label", find("traffic-words").textContent);
}

function draw(threshold) {
  const chart = find("chart");
  chart.replaceChildren();
  if (points.length === 0) return;
  const last = Math.max(10_000, points.at(-1).at - points[0].at);
  const top = Math.max(threshold * 1.3, ...points.map((point) => point.value));
  const bottom = -4;
  const x = (at) => 10 + (620 * (at - points[0].at)) / last;
  const y = (value) => 190 - (180 * (Math.max(bottom, value) - bottom)) / (top - bottom);
  const line = (attributes) => {
    const node = document.createElementNS(SVG, "path");
    for (const [key, value] of Object.entries({ fill: "none", ...attributes })) node.setAttribute(key, value);
    chart.append(node);
  };
  line({ d: `M10 ${y(threshold)}H630`, stroke: "var(--harm)", "stroke-dasharray": "6 5", "stroke-width": "1.5" });
  line({ d: `M10 ${y(0)}H630`, stroke: "var(--line)", "stroke-width": "1" });
  const path = points
    .map((point, i) => `${i ? "L" : "M"}${x(point.at).toFixed(1)} ${y(point.value).toFixed(1)}`)
    .join("");
  line({ d: path, stroke: "var(--candidate)", "stroke-width": "2.5", "stroke-linejoin": "round" });
}

function showVerdict(event) {
  const { verdict } = event;
  if (event.kind !== "proving" && verdict.logEvidence !== null && event.rollout.exposedAt) {
    points.push({ at: verdict.at, value: verdict.logEvidence });
    draw(verdict.logThreshold);
  }
  find("findings").replaceChildren(
    ...verdict.findings.map((item) =>
      row([
        item.claim,
        share(item.candidate),
        item.reference.n > 0 ? share(item.reference) : "a fixed limit",
        item.method === "hard-limit" ? "no statistics" : odds(item.logHarm),
        item.kind,
      ]),
    ),
  );
}

function addMoment(event) {
  if (event.kind === "judged" || (event.kind === "proving" && event.verdict)) return;
  if (event.kind === "exposed") zero ??= event.at;
  const since = (event.at - (zero ?? event.rollout.startedAt)) / 1000;
  const item = element("li");
  item.append(element("time", `${since >= 0 && zero ? "+" : ""}${since.toFixed(1)} s`), element("span", event.text));
  find("timeline").append(item);
}

async function showReport() {
  const answer = await fetch(`/v1/rollouts/${encodeURIComponent(rollout)}/report`);
  if (!answer.ok) return;
  const report = await answer.json();
  const good = report.outcome === "promoted" || report.outcome === "rolled-back-verified";
  find("state").dataset.state = good ? "good" : "harm";
  find("headline").textContent = report.outcome.replaceAll("-", " ");
  const clocks = Object.entries(report.clocks).map(([name, span]) => {
    const group = element("div");
    group.append(element("dt", name), element("dd", seconds(span)));
    return group;
  });
  find("clocks").replaceChildren(...clocks);
  const bad = report.badAnswers;
  find("bad").textContent =
    `Bad answers served by the candidate: ${bad.served} of ${bad.of} (${bad.meaning}); ${bad.excess} more than stable would have.`;
  find("components").replaceChildren(
    ...report.components.map((item) =>
      row([item.component, item.label, item.wanted.slice(7, 19), (item.found ?? "").slice(7, 19), item.status]),
    ),
  );
  find("article").replaceChildren(
    element("li", `on technical errors: ${report.article.onErrors}`),
    element("li", `on ${bad.signal}: ${report.article.onBusiness}`),
    element("li", `on stable: ${report.article.onStable}`),
    element("li", `five-minute bar: ${report.article.fiveMinutes}`),
  );
  find("ledger").textContent =
    `Ledger: ${report.ledger.size} entries, root ${report.ledger.root.slice(0, 20)}..., ${report.ledger.verified ? "verified" : "NOT verified"}`;
  find("report").hidden = false;
}

function take(event) {
  if (event.rollout.id !== rollout) {
    rollout = event.rollout.id;
    points = [];
    zero = event.rollout.exposedAt;
    find("timeline").replaceChildren();
    find("report").hidden = true;
  }
  find("system").textContent = event.rollout.system;
  const [state, headline] = STATES[event.kind] ?? ["watching", event.kind];
  if (event.kind !== "ended") {
    find("state").dataset.state = state;
    find("headline").textContent = headline;
  }
  find("detail").textContent = event.text;
  showTraffic(event.candidatePpm ?? 0);
  if (event.verdict?.findings?.length) showVerdict(event);
  addMoment(event);
  if (event.rollout.endedAt) void showReport();
}

function listen() {
  const stream = new EventSource("/v1/events");
  stream.onopen = () => {
    find("connection").textContent = "live";
    rollout = undefined;
  };
  stream.onerror = () => {
    find("connection").textContent = "offline: Rollbook does not answer";
  };
  stream.onmessage = (message) => take(JSON.parse(message.data));
}

listen();
