// Draws what a run was, second by second, as SVG as wide as the page; every value is put in as text.

const LEFT = 66, RIGHT = 16, TOP = 12, BOTTOM = 32, HEIGHT = 250;
const LABEL = 76;
const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
const KINDS = { 2: "good", 3: "other", 4: "warn", 5: "bad" };
export const KEPT_S = 600;

export const whole = (value) => value.toLocaleString("en-US");
export const kindOf = (status) => KINDS[status[0]] || "none";

export function clock(seconds) {
  const total = Math.floor(seconds);
  const pair = (value) => String(value).padStart(2, "0");
  const minutes = `${Math.floor(total / 60) % 60}:${pair(total % 60)}`;
  return total < 3600 ? minutes : `${Math.floor(total / 3600)}:${pair(Math.floor(total / 60) % 60)}:${pair(total % 60)}`;
}

function drawn(name, facts, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(facts)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function roundSteps(high, most) {
  const rough = high / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.999999);
  return Array.from({ length: Math.floor(high / step + 1e-9) + 1 }, (_, number) => number * step);
}

function roundTimes(from, to, most) {
  const step = TIMES.find((each) => each >= (to - from) / most) || TIMES.at(-1);
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.floor(to / step) - first + 1 }, (_, number) => (first + number) * step);
}

function plot(id, title, from, to, high, { low = 0, words = (value) => whole(value) } = {}) {
  const place = document.getElementById(id);
  const width = Math.max(240, place.clientWidth), floor = HEIGHT - BOTTOM;
  const picture = drawn("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": title });
  const x = (second) => LEFT + ((second - from) / (to - from)) * (width - LEFT - RIGHT);
  const scale = low > 0 ? Math.log10 : (value) => value;
  const y = (value) =>
    floor - ((scale(Math.max(value, low)) - scale(low)) / (scale(high) - scale(low))) * (floor - TOP);
  for (const value of low > 0 ? powers(low, high) : roundSteps(high, 5)) {
    picture.append(drawn("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }));
    picture.append(drawn("text", { class: "tick", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, words(value)));
  }
  for (const second of roundTimes(from, to, (width - LEFT - RIGHT) / LABEL)) {
    picture.append(drawn("line", { class: "axis", x1: x(second), x2: x(second), y1: floor, y2: floor + 5 }));
    picture.append(drawn("text", { class: "tick", x: x(second), y: floor + 20, "text-anchor": "middle" }, clock(second)));
  }
  picture.append(drawn("line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: floor, y2: floor }));
  place.replaceChildren(picture);
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

/** Draws all of *points*, seconds of a run that lasts *planned_s*. */
export function plots(points, planned_s) {
  const seconds = [...points].sort((one, other) => one.second - other.second);
  const to = Math.max(Math.min(10, Math.ceil(planned_s) || 10), ...seconds.slice(-1).map((each) => each.second + 1));
  const from = Math.max(0, to - KEPT_S);
  const recent = seconds.filter((each) => each.second >= from);
  rates(recent, from, to, planned_s);
  latencies(recent, from, to);
  answers(recent, from, to);
}

function rates(seconds, from, to, planned_s) {
  const high = Math.max(1, ...seconds.map((each) => Math.max(each.planned, each.sent, each.answered)));
  const area = plot("rate-plot", "Rate", from, to, 1.08 * high, { words: (value) => `${whole(value)}/s` });
  for (const each of seconds)
    if (each.not_sent) bar(area, each.second, 0, each.not_sent, "bad", `${clock(each.second)}: ${whole(each.not_sent)} not sent`);
  // After the planned end there are answers only, and requests that were late.
  const planned = seconds.filter((each) => each.second < planned_s || each.planned || each.sent);
  for (const [name, kind, told] of [["answered", "answered", seconds], ["sent", "planned", planned], ["planned", "wished", planned]])
    steps(area, told.map((each) => [each.second, each[name]]), kind);
}

function latencies(seconds, from, to) {
  const told = seconds.filter((each) => each.latency.length);
  const values = told.flatMap((each) => each.latency).filter((value) => value > 0);
  const low = 10 ** Math.floor(Math.log10(values.length ? Math.min(...values) : 1));
  const high = Math.max(low * 10, 1.2 * Math.max(low, ...values));
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
