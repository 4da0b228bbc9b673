// The charts of a run, second by second, drawn by uPlot.

const { axis, ink, showLast, valueAxis } = window.chartLook;
const HEIGHT = 250, LABEL = 76;
const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
const KINDS = { 2: "good", 3: "other", 4: "warn", 5: "bad" };
const STEPS = uPlot.paths.stepped({ align: 1, alignGaps: 1 });
export const KEPT_S = 600;

export const whole = (value) => value.toLocaleString("en-US");
export const kindOf = (status) => KINDS[status[0]] || "none";

export function clock(seconds) {
  const total = Math.floor(seconds);
  const pair = (value) => String(value).padStart(2, "0");
  const minutes = `${Math.floor(total / 60) % 60}:${pair(total % 60)}`;
  return total < 3600 ? minutes : `${Math.floor(total / 3600)}:${pair(Math.floor(total / 60) % 60)}:${pair(total % 60)}`;
}

const perSecond = (value) => `${whole(value)}/s`;
const time = (ms) => ms >= 1000 ? `${Number((ms / 1000).toPrecision(3))} s` : `${Number(ms.toPrecision(3))} ms`;

/** One chart. It lives until its lines or the theme change; a new second is new data for it. */
class Plot {
  constructor(id, title, write, look) {
    Object.assign(this, { place: document.getElementById(id), title, write, look, chart: null });
  }

  draw(seconds, from, planned_s) {
    const known = seconds.filter(Boolean);
    const { lines, low, high } = this.look(known, planned_s);
    const labels = lines.map((each) => each.label).join("\n");
    if (labels !== this.labels) this.forget();
    Object.assign(this, { labels, lines, low, high, seconds, from });
    const times = Array.from({ length: seconds.length + 1 }, (_, at) => from + at);
    const data = [times, ...this.painted.map(({ of, on }) => closed(seconds.map((each) => {
      const value = each && of(each);
      return value == null ? null : on ? value + on(each) : value;
    })))];
    const width = Math.max(240, this.place.clientWidth);
    if (!this.chart) return this.make(width, data);
    if (this.chart.width !== width) this.chart.setSize({ width, height: HEIGHT });
    this.chart.setData(data);
    this.showLast();
  }

  /** The first line of the legend is painted last, over the others. */
  get painted() {
    return this.lines.toReversed();
  }

  make(width, data) {
    this.chart = new uPlot(this.options(width), data, this.place);
    this.showLast();
    this.chart.ctx.canvas.setAttribute("role", "img");
    this.chart.ctx.canvas.setAttribute("aria-label", this.title);
    const legend = this.place.querySelector(".u-legend");
    for (const row of [...legend.rows].slice(1).reverse()) legend.append(row);
  }

  options(width) {
    return {
      width, height: HEIGHT,
      cursor: {
        y: false, points: { show: false }, drag: { x: false, y: false },
        dataIdx: (_, __, ___, second) => Math.min(Math.floor(second) - this.from, this.seconds.length - 1),
      },
      legend: { markers: { width: 0, fill: (_, number) => this.painted[number - 1] && ink(this.painted[number - 1].ink) } },
      hooks: { setLegend: [() => this.showLast()] },
      scales: {
        x: { time: false, range: () => [this.from, this.from + this.seconds.length] },
        y: { distr: this.low ? 3 : 1, clamp: () => this.low, range: () => [this.low || 0, this.high] },
      },
      axes: [
        axis({ grid: { show: false }, incrs: TIMES, space: LABEL, size: 32, values: (_, ticks) => ticks.map(clock) }),
        { ...valueAxis(this.write), space: this.low ? 18 : 30 }, // 18: three powers of ten with 1, 2 and 5
      ],
      series: [
        { label: "time", value: (_, second) => second == null ? "–" : clock(second) },
        ...this.painted.map((line, number) => this.series(line, number)),
      ],
    };
  }

  series({ label, ink: name, area, dash, width = 2.2 }, number) {
    const value = (_, __, ___, at) => {
      const second = this.seconds[at], known = second && this.painted[number].of(second);
      return known == null ? "–" : this.write(known);
    };
    const painted = area ? { fill: ink(name), width: 0 } : { stroke: ink(name), width, dash };
    return { label, value, paths: STEPS, points: { show: false }, ...painted };
  }

  showLast() {
    if (this.chart) showLast(this.chart, this.seconds.findLastIndex(Boolean));
  }

  forget() {
    this.chart?.destroy();
    this.chart = null;
  }
}

// A step ends where the next one begins; the last one ends a second later.
function closed(values) {
  const last = values.findLastIndex((value) => value != null);
  return [...values, null].map((value, at) => at === last + 1 && last >= 0 ? values[last] : value);
}

function rates(seconds, planned_s) {
  // After the planned end there are answers only, and requests that were late.
  const told = (name) => (each) => each.second < planned_s || each.planned || each.sent ? each[name] : null;
  return {
    high: 1.08 * Math.max(1, ...seconds.map((each) => Math.max(each.planned, each.sent, each.answered))),
    lines: [
      { label: "planned", ink: "wished", of: told("planned"), width: 1.4, dash: [6, 5] },
      { label: "sent", ink: "planned", of: told("sent") },
      { label: "answered", ink: "answered", of: (each) => each.answered },
      { label: "not sent", ink: "bad", of: (each) => each.not_sent, area: true },
    ],
  };
}

function latencies(seconds) {
  const values = seconds.flatMap((each) => each.latency).filter((value) => value > 0);
  const low = 10 ** Math.floor(Math.log10(values.length ? Math.min(...values) : 1));
  return {
    low, high: Math.max(low * 10, 1.2 * Math.max(low, ...values)),
    lines: [["p50", "planned"], ["p95", "service"], ["p99", "p99"]]
      .map(([label, name], number) => ({ label, ink: name, of: (each) => each.latency[number] })),
  };
}

function answers(seconds) {
  const statuses = [...new Set(seconds.flatMap((each) => Object.keys(each.statuses)))].sort();
  const count = (each, status) => each.statuses[status] || 0;
  return {
    high: 1.08 * Math.max(1, ...seconds.map((each) => each.answered)),
    // Each area reaches down to zero; those below are painted over it.
    lines: statuses.map((status, number) => ({
      label: status, ink: kindOf(status), area: true, of: (each) => count(each, status),
      on: (each) => statuses.slice(0, number).reduce((sum, below) => sum + count(each, below), 0),
    })),
  };
}

const PLOTS = [
  new Plot("rate-plot", "Rate", perSecond, rates),
  new Plot("latency-plot", "Latency", time, latencies),
  new Plot("answers-plot", "Answers by status", perSecond, answers),
];

/** Draws *points*, the seconds of a run that lasts *planned_s*, by their numbers. */
export function plots(points, planned_s) {
  const to = Math.max(Math.min(10, Math.ceil(planned_s) || 10), ...[...points.keys()].map((second) => second + 1));
  const from = Math.max(0, to - KEPT_S);
  const seconds = Array.from({ length: to - from }, (_, at) => points.get(from + at));
  for (const plot of PLOTS) plot.draw(seconds, from, planned_s);
}

/** The colours are those of another theme now. */
export function forget() {
  for (const plot of PLOTS) plot.forget();
}
