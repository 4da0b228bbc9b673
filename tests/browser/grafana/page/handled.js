// What of a dashboard this page can draw. Anything else is an error: a panel that it drew only in
// part would look as if it were tested.

const SOURCE = { type: one("prometheus"), uid: one("${datasource}") };
const PLACE = { x: number, y: number, w: number, h: number };
const ROW = {
  id: number, type: one("row"), title: text, gridPos: PLACE, collapsed: one(false), panels: none,
};
const TIMESERIES = {
  id: number, type: one("timeseries"), title: text, description: text, gridPos: PLACE, datasource: SOURCE,
  fieldConfig: { defaults: { unit: text, min: number }, overrides: none },
  options: {
    legend: { displayMode: one("list"), placement: one("bottom", "right"), showLegend: one(true) },
    tooltip: { mode: one("multi"), sort: one("desc") },
  },
  targets: each({
    // Dots of exemplars are not drawn: they are Grafana's own, and not in its libraries.
    refId: text, datasource: SOURCE, expr: text, legendFormat: text, exemplar: optional(one(true)),
  }),
};
const DASHBOARD = {
  uid: text, title: text, tags: each(text), schemaVersion: number, version: number, editable: one(true),
  refresh: text, time: { from: text, to: text }, templating: { list: each(anything) },
  panels: each((found, where) => {
    const shapes = { row: ROW, timeseries: TIMESERIES };
    if (!(found.type in shapes)) throw new Error(`${where}: the page draws no panel of type ${found.type}`);
    check(shapes[found.type], found, `${where} (${found.title})`);
  }),
};

export function checkDashboard(dashboard) {
  check(DASHBOARD, dashboard, "dashboard");
}

function check(shape, found, where) {
  if (typeof shape === "function") {
    shape(found, where);
    return;
  }
  for (const name of Object.keys(found)) {
    if (!(name in shape)) throw new Error(`${where}: the page does not know ${name}`);
  }
  for (const [name, inner] of Object.entries(shape)) {
    if (name in found) check(inner, found[name], `${where}.${name}`);
    else if (!inner.isOptional) throw new Error(`${where}: ${name} is missing`);
  }
}

function one(...values) {
  return (found, where) => {
    if (!values.includes(found)) throw new Error(`${where}: the page cannot draw ${JSON.stringify(found)}`);
  };
}

function each(shape) {
  return (found, where) => found.forEach((item, at) => check(shape, item, `${where}[${at}]`));
}

function optional(shape) {
  return Object.assign((found, where) => check(shape, found, where), { isOptional: true });
}

function none(found, where) {
  if (found.length) throw new Error(`${where}: the page draws none`);
}

function number(found, where) {
  if (typeof found !== "number") throw new Error(`${where} is no number`);
}

function text(found, where) {
  if (typeof found !== "string") throw new Error(`${where} is no text`);
}

function anything() {}
