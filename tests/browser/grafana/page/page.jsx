// One dashboard, drawn with the parts of Grafana that are on npm. What only its server has is made
// here: the grid, the heads of rows, and "No data".
//
// window.draw(dashboard, recording, mode) draws; it throws an error when it cannot draw all of it.

import { ThemeContext, createTheme } from "@grafana/data";
import { GlobalStyles, PanelChrome, Text, TimeSeries, TooltipPlugin } from "@grafana/ui";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";

import { seriesOf, timeRange } from "./frames.js";
import { checkDashboard } from "./handled.js";

const COLUMNS = 24, CELL = 30, GAP = 8;

function Dashboard({ dashboard, recording, theme }) {
  const width = document.documentElement.clientWidth - 2 * GAP;
  const bottom = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  return (
    <main style={{ padding: GAP }}>
      <Text element="h1" variant="h3">{dashboard.title}</Text>
      <div style={{ position: "relative", height: bottom * (CELL + GAP), marginTop: GAP }}>
        {dashboard.panels.map((panel) => (
          <div key={panel.id} data-panel={panel.id} style={place(panel.gridPos, width)}>
            {panel.type === "row"
              ? <Text element="h2" variant="h5">{panel.title}</Text>
              : <Panel panel={panel} recording={recording} theme={theme} {...size(panel.gridPos, width)} />}
          </div>
        ))}
      </div>
    </main>
  );
}

function size({ w, h }, width) {
  return { width: (w * (width + GAP)) / COLUMNS - GAP, height: h * (CELL + GAP) - GAP };
}

function place(position, width) {
  const left = (position.x * (width + GAP)) / COLUMNS;
  return { position: "absolute", left, top: position.y * (CELL + GAP), ...size(position, width) };
}

function Panel({ panel, recording, theme, width, height }) {
  const series = seriesOf(panel, recording, theme);
  return (
    <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
      {(innerWidth, innerHeight) =>
        series.length
          ? <Chart {...{ panel, recording, series, width: innerWidth, height: innerHeight }} />
          : <Text color="secondary" textAlignment="center" element="p">No data</Text>}
    </PanelChrome>
  );
}

function Chart({ panel, recording, series, width, height }) {
  const { legend, tooltip } = panel.options;
  return (
    <TimeSeries
      frames={series}
      timeRange={timeRange(recording)}
      timeZone="utc"
      width={width}
      height={height}
      legend={{ calcs: [], ...legend }}
    >
      {(config, frame) => (
        <TooltipPlugin mode={tooltip.mode} sortOrder={tooltip.sort} config={config} data={frame} timeZone="utc" />
      )}
    </TimeSeries>
  );
}

let failure = null;
const root = createRoot(document.getElementById("dashboard"), {
  onUncaughtError: (error) => { failure = error; },
});

window.draw = (dashboard, recording, mode) => {
  checkDashboard(dashboard);
  const theme = createTheme({ colors: { mode } });
  flushSync(() => root.render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Dashboard {...{ dashboard, recording, theme }} />
    </ThemeContext.Provider>,
  ));
  if (failure) throw failure;
  return document.fonts.ready.then(() => undefined);
};
