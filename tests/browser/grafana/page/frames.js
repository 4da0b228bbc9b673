// Recorded answers of Prometheus as Grafana's data frames, with the panel's field configuration.

import {
  FieldColorModeId, FieldConfigOptionsRegistry, FieldType, applyFieldOverrides, dateTime,
  numberOverrideProcessor, toDataFrame, unitOverrideProcessor,
} from "@grafana/data";
import {
  AxisPlacement, GraphDrawStyle, GraphGradientMode, LineInterpolation, StackingMode, VisibilityMode,
} from "@grafana/schema";

// What Grafana gives a new panel of time series.
const LOOK = {
  drawStyle: GraphDrawStyle.Line,
  lineInterpolation: LineInterpolation.Linear,
  lineWidth: 1,
  fillOpacity: 0,
  gradientMode: GraphGradientMode.None,
  spanNulls: false,
  showPoints: VisibilityMode.Auto,
  pointSize: 5,
  stacking: { mode: StackingMode.None, group: "A" },
  axisPlacement: AxisPlacement.Auto,
};

const handled = new FieldConfigOptionsRegistry(() => [
  property("unit", unitOverrideProcessor),
  property("min", numberOverrideProcessor),
]);

function property(id, process) {
  return { id, path: id, name: id, process, shouldApply: (field) => field.type === FieldType.number };
}

export function timeRange(recording) {
  const from = dateTime(recording.from_s * 1000);
  const to = dateTime((recording.from_s + (recording.count - 1) * recording.step_s) * 1000);
  return { from, to, raw: { from, to } };
}

export function seriesOf(panel, recording, theme) {
  const found = panel.targets.flatMap((target) => {
    const answer = recording.answers[target.expr];
    if (!answer) throw new Error(`${panel.title}: nothing is recorded for ${target.expr}`);
    return answer.map((series) => frame(series, target, recording));
  });
  return applyFieldOverrides({
    data: found,
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: handled,
    replaceVariables: (value) => value,
    theme,
    timeZone: "utc",
  });
}

function frame(series, target, recording) {
  const times = [], values = [];
  series.values.forEach((value, at) => {
    if (value === null) return; // Prometheus leaves it out
    times.push((recording.from_s + at * recording.step_s) * 1000);
    const number = Number(value);
    values.push(Number.isFinite(number) ? number : null); // a gap, as in Grafana's panel
  });
  const name = target.legendFormat.replace(/{{\s*(\w+)\s*}}/g, (_, label) => series.metric[label] ?? "");
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: "Time", type: FieldType.time, values: times, config: { interval: recording.step_s * 1000 } },
      {
        name: "Value",
        type: FieldType.number,
        labels: series.metric,
        values,
        config: { displayNameFromDS: name, color: { mode: FieldColorModeId.PaletteClassic }, custom: LOOK },
      },
    ],
  });
}
