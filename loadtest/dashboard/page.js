// Shows what /events tells, and asks /rate to turn the rate. Every value is put in as text.

import { KEPT_S, clock, forget, kindOf, plots, whole } from "./plots.js";

const BADGES = { waiting: "waiting", sending: "running", checking: "asking the consumer", pausing: "pausing" };
const ENDINGS = { passed: "good", failed: "bad", "no verdict": "grey" };
const $ = (id) => document.getElementById(id);

let points = new Map();
let last = null;
let lost = 0;

function put(id, text) {
  const place = $(id);
  if (place.textContent !== text) place.textContent = text;
}

function element(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

// As the report rounds: by the exact value, and what lies in the middle to the even digit.
function fixed(value, digits) {
  const scaled = value * 10 ** digits, below = Math.floor(scaled);
  const middle = Number.isInteger(value * 8) && scaled - below === 0.5;
  return (middle && below % 2 === 0 ? below / 10 ** digits : value).toFixed(digits);
}

const percent = (part) => `${fixed(100 * part, 2)}%`;

function milliseconds(value) {
  if (value === undefined) return "-";
  if (value >= 10000) return `${fixed(value / 1000, 1)} s`;
  if (value >= 100) return `${whole(Number(fixed(value, 0)))} ms`;
  return `${fixed(value, value >= 10 ? 1 : 2)} ms`;
}

// ---- words ----------------------------------------------------------------------------------

function row(...cells) {
  const made = document.createElement("tr");
  made.append(...cells);
  return made;
}

function mark(ok) {
  const [kind, sign] = ok === null ? ["none", "?"] : ok ? ["good", "✓"] : ["bad", "✗"];
  return element("span", `${sign} `, `mark ${kind}`);
}

function figures(state) {
  put("planned", whole(state.planned));
  put("total", state.total > state.planned ? `, of ${whole(state.total)}` : "");
  put("sent", whole(state.sent));
  put("not-sent", whole(state.not_sent));
  put("under-way", whole(state.in_flight));
  put("failed", whole(state.failed));
  const done = state.sent - state.in_flight;
  put("failed-share", state.failed ? `, ${percent(state.failed / done)}` : "");
  $("left-out").classList.toggle("bad", state.not_sent > 0);
  $("failing").classList.toggle("bad", state.failed > 0);
  const [p50, p95, p99] = state.latency.planned || [];
  put("p50", milliseconds(p50));
  put("p95", milliseconds(p95));
  put("p99", milliseconds(p99));
  put("service", milliseconds((state.latency.service || [])[2]));
  const part = state.duration_s ? Math.min(1, state.elapsed_s / state.duration_s) : 0;
  $("progress").firstElementChild.style.width = `${100 * part}%`;
  $("progress").setAttribute("aria-valuenow", Math.round(100 * part));
}

function tables(state) {
  const ended = state.statuses.reduce((sum, [, count]) => sum + count, 0);
  $("statuses").tBodies[0].replaceChildren(...state.statuses.map(([status, count]) => {
    const name = element("td", "");
    name.append(element("span", "■ ", `mark ${kindOf(status)}`), status);
    return row(name, element("td", whole(count), "number"), element("td", percent(count / ended), "number"));
  }));
  $("tried-part").hidden = !state.tried.length;
  put("found", state.found || "Each rate has its own run; this page shows one after the other.");
  $("tried").tBodies[0].replaceChildren(...state.tried.map((each) => row(...each.map((words, at) => element("td", words, at % (each.length - 1) ? "number" : "")))));
  $("thresholds-part").hidden = !state.thresholds.length;
  $("thresholds").replaceChildren(...state.thresholds.map((each) => {
    const name = element("td", "");
    name.append(mark(each.ok), each.words);
    return row(name, element("td", each.value || "not known yet"));
  }));
  $("reasons-part").hidden = !state.reasons.length;
  $("reasons").replaceChildren(...state.reasons.map(([why, count]) => row(element("td", why), element("td", whole(count), "number"))));
  if (state.generator) $("generator").replaceChildren(...health(state.generator));
}

function health(generator) {
  const kept = element("td", "");
  kept.append(mark(!generator.problem), generator.problem ? "did not keep up" : "keeps up");
  const told = [
    ["its core", `${Math.round(100 * generator.cpu)}% on average, ${Math.round(100 * generator.busiest_cpu)}% in its busiest second`],
    ["sent late by", `p50 ${milliseconds(generator.lag_p50_ms)}, p99 ${milliseconds(generator.lag_p99_ms)}, max ${milliseconds(generator.lag_max_ms)}`],
    ["later than allowed", whole(generator.late)],
    ["longest stall of its event loop", milliseconds(generator.loop_lag_max_ms)],
  ];
  return [row(kept, element("td", generator.problem)), ...told.map(([name, words]) => row(element("td", name), element("td", words)))];
}

function knob(state) {
  const turnable = state.factor > 0 && state.phase === "sending";
  for (const each of $("turn").elements) each.disabled = !turnable;
  if (state.factor) put("turned", `now ×${Number(state.factor.toPrecision(3))}`);
  if (state.factor && document.activeElement !== $("factor")) $("factor").value = Number(state.factor.toPrecision(4));
  $("knob").hidden = state.factor === 0;
}

function notice(words) {
  $("notice").hidden = !words;
  put("notice", words);
}

function badge(words, kind) {
  put("badge", words);
  $("badge").className = `badge ${kind}`;
}

function show(state) {
  if (state.number !== last?.number) points = new Map();
  last = state;
  for (const each of state.points) points.set(each.second, each);
  for (const second of points.keys()) if (second < state.elapsed_s - KEPT_S - 2) points.delete(second);
  put("title", state.uri ? `Load test of ${state.uri}` : "Load test");
  document.title = $("title").textContent;
  const late = state.elapsed_s >= state.duration_s + 1;
  const far = `${clock(state.elapsed_s)}${late ? ", planned" : " of"} ${clock(state.duration_s)}`;
  put("about", state.plan ? `${state.plan}; ${far}` : "");
  badge(BADGES[state.phase] || "running", "live");
  notice("");
  figures(state);
  tables(state);
  knob(state);
  plots(points, state.duration_s);
}

function end(state) {
  show(state);
  badge(state.ending || "broken off", ENDINGS[state.ending] || "bad");
  notice(state.ending === "passed" ? "" : state.words);
  put("latency-words", state.exit_code === null ? "Latency of the last seconds received" : "Latency of the whole run");
  put("thresholds-words", "As the run ended.");
  put("knob-words", "The run is over.");
}

// ---- the line to the run --------------------------------------------------------------------

function listen() {
  const events = new EventSource("events");
  events.addEventListener("state", (event) => {
    lost = 0;
    show(JSON.parse(event.data));
  });
  events.addEventListener("end", (event) => {
    events.close();
    end(JSON.parse(event.data));
  });
  events.addEventListener("error", () => {
    lost += 1;
    const gone = lost > 3 || events.readyState === EventSource.CLOSED;
    badge(gone ? "gone" : "connecting", "lost");
    if (!gone) return; // the browser keeps trying, unless it was refused
    for (const each of $("turn").elements) each.disabled = true;
    notice("The run does not answer, or too many pages watch it. This is the last state received.");
  });
}

async function turn(change) {
  const asked = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(change) };
  try {
    const answer = await fetch("rate", asked);
    const told = await answer.json();
    put("turned", answer.ok ? `now ×${Number(told.factor.toPrecision(3))}` : told.error);
  } catch {
    put("turned", "the run does not answer");
  }
}

for (const button of document.querySelectorAll("[data-key]"))
  button.addEventListener("click", () => turn({ key: button.dataset.key }));
$("turn").addEventListener("submit", (event) => {
  event.preventDefault();
  turn({ factor: Number($("factor").value) });
});
function redraw() {
  if (last) plots(points, last.duration_s);
}

addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  forget();
  redraw();
});
listen();
