"use strict";
// Shows what /events tells, and asks /rate to turn the rate. Every value is put in as text.

const WIDTH = 960, LEFT = 66, RIGHT = 14, TOP = 12, BOTTOM = 36, HEIGHT = 260;
const KEPT_S = 600;
const KINDS = { 2: "good", 3: "other", 4: "warn", 5: "bad" };
const BADGES = { waiting: "waiting", sending: "running", checking: "asking the consumer" };
const $ = (id) => document.getElementById(id);

let points = new Map();
let shown = "";
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

function drawn(name, facts, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(facts)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const whole = (value) => value.toLocaleString("en-US");
const percent = (part) => `${(100 * part).toFixed(2)}%`;

function milliseconds(value) {
  if (value === undefined) return "-";
  if (value >= 10000) return `${(value / 1000).toFixed(1)} s`;
  return `${value.toLocaleString("en-US", digits(value >= 100 ? 0 : value >= 10 ? 1 : 2))} ms`;
}

function digits(count) {
  return { minimumFractionDigits: count, maximumFractionDigits: count };
}

function clock(seconds) {
  const total = Math.floor(seconds);
  const pair = (value) => String(value).padStart(2, "0");
  const minutes = `${Math.floor(total / 60) % 60}:${pair(total % 60)}`;
  return total < 3600 ? minutes : `${Math.floor(total / 3600)}:${pair(Math.floor(total / 60) % 60)}:${pair(total % 60)}`;
}

// ---- plots ----------------------------------------------------------------------------------

function roundSteps(high, most) {
  const rough = high / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.999999);
  return Array.from({ length: Math.floor(high / step + 1e-9) + 1 }, (_, number) => number * step);
}

function plot(id, title, from, to, high, { low = 0, words = (value) => whole(value) } = {}) {
  const picture = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title });
  const floor = HEIGHT - BOTTOM;
  const x = (second) => LEFT + ((second - from) / (to - from)) * (WIDTH - LEFT - RIGHT);
  const scale = low > 0 ? Math.log10 : (value) => value;
  const y = (value) =>
    floor - ((scale(Math.max(value, low)) - scale(low)) / (scale(high) - scale(low))) * (floor - TOP);
  for (const value of low > 0 ? powers(low, high) : roundSteps(high, 5)) {
    picture.append(drawn("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }));
    picture.append(drawn("text", { class: "tick", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, words(value)));
  }
  for (const second of roundSteps(to - from, 10).filter(Number.isInteger).map((each) => from + each)) {
    picture.append(drawn("line", { class: "axis", x1: x(second), x2: x(second), y1: floor, y2: floor + 5 }));
    picture.append(drawn("text", { class: "tick", x: x(second), y: floor + 20, "text-anchor": "middle" }, clock(second)));
  }
  picture.append(drawn("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: floor, y2: floor }));
  $(id).replaceChildren(picture);
  return { picture, x, y };
}

function powers(low, high) {
  const found = [];
  const factors = Math.log10(high / low) > 3 ? [1] : [1, 2, 5];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1)
    for (const factor of factors) found.push(factor * 10 ** power);
  return found.filter((value) => value >= low && value <= high);
}

function steps(area, values, kind) {
  const corners = values.flatMap(([second, value]) => [
    `${area.x(second).toFixed(1)},${area.y(value).toFixed(1)}`,
    `${area.x(second + 1).toFixed(1)},${area.y(value).toFixed(1)}`,
  ]);
  area.picture.append(drawn("polyline", { class: `line ${kind}`, points: corners.join(" ") }));
}

function bar(area, second, from, to, kind, title) {
  const facts = {
    class: kind, x: area.x(second), width: Math.max(0.5, area.x(second + 1) - area.x(second)),
    y: area.y(to), height: Math.max(0, area.y(from) - area.y(to)),
  };
  const made = drawn("rect", facts);
  made.append(drawn("title", {}, title));
  area.picture.append(made);
}

function plots() {
  const seconds = [...points.values()].sort((one, other) => one.second - other.second);
  const to = Math.max(10, ...seconds.slice(-1).map((each) => each.second + 1));
  const from = Math.max(0, to - KEPT_S);
  const recent = seconds.filter((each) => each.second >= from);
  rates(recent, from, to);
  latencies(recent, from, to);
  answers(recent, from, to);
}

function rates(seconds, from, to) {
  const high = Math.max(1, ...seconds.map((each) => Math.max(each.planned, each.sent, each.answered)));
  const area = plot("rate-plot", "Rate", from, to, 1.08 * high, { words: (value) => `${whole(value)}/s` });
  for (const each of seconds)
    if (each.not_sent) bar(area, each.second, 0, each.not_sent, "bad", `${clock(each.second)}: ${whole(each.not_sent)} not sent`);
  for (const [name, kind] of [["answered", "answered"], ["sent", "planned"], ["planned", "wished"]])
    steps(area, seconds.map((each) => [each.second, each[name]]), kind);
}

function latencies(seconds, from, to) {
  const told = seconds.filter((each) => each.latency.length);
  const values = told.flatMap((each) => each.latency).filter((value) => value > 0);
  const low = 10 ** Math.floor(Math.log10(Math.min(1, ...values)));
  const high = Math.max(low * 10, 1.2 * Math.max(1, ...values));
  const area = plot("latency-plot", "Latency", from, to, high, { low, words: (value) => value >= 1000 ? `${value / 1000} s` : `${Number(value.toPrecision(2))} ms` });
  for (const run of together(told))
    ["planned", "service", "p99"].forEach((kind, number) =>
      steps(area, run.map((each) => [each.second, each.latency[number]]), kind));
}

// A second in which nothing was planned breaks the line.
function together(seconds) {
  const runs = [];
  for (const each of seconds) {
    const last = runs.at(-1);
    if (last && last.at(-1).second === each.second - 1) last.push(each);
    else runs.push([each]);
  }
  return runs;
}

function answers(seconds, from, to) {
  const high = Math.max(1, ...seconds.map((each) => each.answered));
  const area = plot("answers-plot", "Answers by status", from, to, 1.08 * high, { words: (value) => `${whole(value)}/s` });
  for (const each of seconds) {
    let floor = 0;
    for (const [status, count] of Object.entries(each.statuses)) {
      bar(area, each.second, floor, floor + count, kindOf(status), `${clock(each.second)}: ${whole(count)} ${status}`);
      floor += count;
    }
  }
}

const kindOf = (status) => KINDS[status[0]] || "none";

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
  put("total", state.total ? `, of ${whole(state.total)}` : "");
  put("sent", whole(state.sent));
  put("not-sent", whole(state.not_sent));
  put("under-way", whole(state.in_flight));
  put("failed", whole(state.failed));
  $("left-out").classList.toggle("bad", state.not_sent > 0);
  $("failing").classList.toggle("bad", state.failed > 0);
  const [p50, p95, p99] = state.recent.planned || [];
  put("p50", milliseconds(p50));
  put("p95", milliseconds(p95));
  put("p99", milliseconds(p99));
  put("service", milliseconds((state.recent.service || [])[2]));
  const part = state.duration_s ? Math.min(1, state.elapsed_s / state.duration_s) : 0;
  $("progress").firstElementChild.style.width = `${100 * part}%`;
}

function tables(state) {
  const ended = state.statuses.reduce((sum, [, count]) => sum + count, 0);
  $("statuses").tBodies[0].replaceChildren(...state.statuses.map(([status, count]) => {
    const name = element("td", "");
    name.append(element("span", "■ ", `mark ${kindOf(status)}`), status);
    return row(name, element("td", whole(count), "number"), element("td", percent(count / ended), "number"));
  }));
  $("thresholds-part").hidden = !state.thresholds.length;
  $("thresholds").replaceChildren(...state.thresholds.map((each) => {
    const name = element("td", "");
    name.append(mark(each.ok), each.words);
    return row(name, element("td", each.value || "not known yet"));
  }));
  $("reasons-part").hidden = !state.reasons.length;
  $("reasons").replaceChildren(...state.reasons.map(([why, count]) => row(element("td", whole(count)), element("td", why))));
  if (state.generator) $("generator").replaceChildren(...health(state.generator));
}

function health(generator) {
  const kept = element("td", "");
  kept.append(mark(!generator.problem), generator.problem ? "does not keep its times" : "keeps its times");
  const told = [
    ["its core", `${Math.round(100 * generator.cpu)}% on the whole, ${Math.round(100 * generator.busiest_cpu)}% in its busiest second`],
    ["sent late by", `p50 ${milliseconds(generator.lag_p50_ms)}, p99 ${milliseconds(generator.lag_p99_ms)}, max ${milliseconds(generator.lag_max_ms)}`],
    ["later than allowed", whole(generator.late)],
    ["longest stall of its loop", milliseconds(generator.loop_lag_max_ms)],
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
  if (state.number !== shown) {
    shown = state.number;
    points = new Map();
  }
  for (const each of state.points) points.set(each.second, each);
  for (const second of points.keys()) if (second < state.elapsed_s - KEPT_S - 2) points.delete(second);
  put("title", state.uri ? `Load test of ${state.uri}` : "Load test");
  document.title = $("title").textContent;
  put("about", state.plan ? `${state.plan}; ${clock(state.elapsed_s)} of ${clock(state.duration_s)}` : "");
  badge(BADGES[state.phase] || "running", "live");
  notice("");
  figures(state);
  tables(state);
  knob(state);
  plots();
}

function end(state) {
  show(state);
  const passed = state.exit_code === 0;
  badge(passed ? state.words : "failed", passed ? "good" : "bad");
  notice(passed ? "" : state.words);
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
    if (!gone) return;
    events.close();
    for (const each of $("turn").elements) each.disabled = true;
    notice("The run does not answer, or too many pages look at it. This is the last that was heard.");
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
listen();
