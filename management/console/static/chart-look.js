// What the charts of the console and of the load test's dashboard share; uPlot draws both.
window.chartLook = (() => {
  "use strict";
  function ink(name) { // the colour of a custom property in the theme of now
    const probe = document.createElement("i");
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  }
  function axis(options) {
    const line = () => ({ stroke: ink("ink-grid"), width: 1 });
    return { stroke: ink("ink-text"), grid: line(), ticks: line(), font: "11px system-ui, sans-serif", ...options };
  }
  function valueAxis(write) {
    return axis({ size: 62, values: (_, values) => values.map((value) => value == null ? "" : write(value)) });
  }
  function showLast(chart, last = chart.data[0].length - 1) { // without a pointer, the legend shows the newest values
    if (chart.cursor.left < 0 && last >= 0) chart.setLegend({ idx: last }, false);
  }
  return { ink, axis, valueAxis, showLast };
})();
