// The charts of the overview: columns of numbers of the server, drawn by uPlot.
(() => {
  "use strict";
  const box = document.getElementById("charts");
  if (!box || !window.uPlot) return;
  const { ink, axis, valueAxis, showLast } = window.chartLook;
  const EVERY_MS = 10000;
  const drawn = new Map();

  const short = (value) => value >= 1000 ? `${+(value / 1000).toFixed(1)}k` : `${+value.toFixed(2)}`;
  const perSecond = (value) => value == null ? "–" : `${short(value)}/s`;
  const percent = (value) => value == null ? "–" : `${+value.toFixed(1)} %`;
  const ms = (value) => value == null ? "–" : value >= 1000 ? `${+(value / 1000).toFixed(2)} s` : `${+value.toFixed(1)} ms`;
  const KINDS = {
    rate: { write: perSecond, lines: [["events", "Events", "ink-1"], ["attempts", "Attempts", "ink-2"], ["failed", "Failed", "ink-3"]] },
    success: { write: percent, range: [0, 100], lines: [["success", "Success", "ink-2"]] },
    latency: { write: ms, lines: [["p50", "p50", "ink-1"], ["p95", "p95", "ink-4"], ["p99", "p99", "ink-3"]] },
  };

  function clock(_, ticks) { // the reader's own time, in 24 hours
    const days = box.dataset.range === "7d";
    const form = days ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit", hour12: false };
    return ticks.map((at) => new Date(at * 1000).toLocaleString("en-GB", form));
  }
  function options(kind, width) {
    return {
      width, height: 200,
      cursor: { y: false, points: { size: 6 } },
      legend: { live: true },
      hooks: { setLegend: [(chart) => showLast(chart)] },
      scales: { y: { range: kind.range || ((_, low, high) => [0, high > 0 ? high * 1.1 : 1]) } },
      axes: [axis({ values: clock, space: 70 }), valueAxis(kind.write)],
      series: [
        { label: "Time", value: (_, at) => at == null ? "–" : new Date(at * 1000).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false }) },
        ...kind.lines.map(([, label, colour]) => ({ label, stroke: ink(colour), width: 1.5, spanGaps: true, points: { show: false }, value: (_, value) => kind.write(value) })),
      ],
    };
  }
  function draw(columns) {
    for (const place of box.querySelectorAll("[data-chart]")) {
      const kind = KINDS[place.dataset.chart];
      const data = [columns.at, ...kind.lines.map(([name]) => columns[name])];
      const known = data.slice(1).some((column) => column.some((value) => value != null && value !== 0));
      if (!known) {
        drawn.get(place)?.destroy();
        drawn.delete(place);
        place.replaceChildren(Object.assign(document.createElement("p"), { className: "no-data", textContent: "Nothing happened in this time." }));
      } else if (drawn.has(place)) {
        drawn.get(place).setData(data);
      } else {
        place.replaceChildren();
        drawn.set(place, new uPlot(options(kind, place.clientWidth), data, place));
      }
    }
  }
  function forget() {
    for (const chart of drawn.values()) chart.destroy();
    drawn.clear();
  }
  let last = null;
  async function load() {
    try {
      const answer = await fetch(`${box.dataset.source}?range=${box.dataset.range}`, { headers: { "HX-Request": "true", "X-Portcall-Poll": "1" } });
      if (!answer.ok) return;
      last = await answer.json();
      draw(last);
    } catch {
      // The next time, perhaps; what is drawn stays.
    }
  }
  for (const link of document.querySelectorAll("[data-range]")) {
    if (link === box) continue;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      box.dataset.range = link.dataset.range;
      for (const other of link.parentElement.children) other.removeAttribute("aria-current");
      link.setAttribute("aria-current", "true");
      history.replaceState(null, "", link.href);
      forget();
      load();
    });
  }
  document.addEventListener("portcall:theme", () => { forget(); if (last) draw(last); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { forget(); if (last) draw(last); });
  new ResizeObserver(() => {
    for (const [place, chart] of drawn) chart.setSize({ width: place.clientWidth, height: 200 });
  }).observe(box);
  load();
  setInterval(() => { if (!document.hidden) load(); }, EVERY_MS);
})();
