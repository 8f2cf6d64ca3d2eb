// Panel plugins: Grafana's core has them, its packages have what they draw with.
import React from "react";
import { PanelPlugin, getDisplayValueAlignmentFactors, getFieldDisplayValues, renderMarkdown } from "@grafana/data";
import { BarGauge, BigValue, Table, TimeSeries, VizRepeater, useTheme2 } from "@grafana/ui";
import { property } from "./boot.js";

const CUSTOM = `drawStyle lineInterpolation lineWidth fillOpacity gradientMode showPoints spanNulls axisBorderShow stacking
  thresholdsStyle lineStyle fillBelowTo pointSize axisPlacement axisLabel axisGridShow axisColorMode axisCenteredZero hideFrom
  scaleDistribution barAlignment barWidthFactor width minWidth align cellOptions filterable inspect hidden`.split(/\s+/);

// Hooks of a plot are taken when it is made: they must be there as soon as its builder is.
const hooked = new WeakSet();

function annotate(builder, events) {
  if (hooked.has(builder)) return null;
  hooked.add(builder);
  builder.addHook("draw", (u) => {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const event of events) {
      const left = u.valToPos(event.time, "x", true);
      const right = u.valToPos(event.timeEnd ?? event.time, "x", true);
      ctx.fillStyle = event.color === "purple" ? "#b877d9" : (event.color ?? "#5794f2");
      ctx.globalAlpha = 0.16;
      ctx.fillRect(left, bbox.top, Math.max(right - left, 1), bbox.height);
      ctx.globalAlpha = 0.9;
      ctx.fillRect(left, bbox.top + bbox.height - 4, Math.max(right - left, 3), 4);
    }
    ctx.restore();
  });
  return null;
}

function eventsOf(data) {
  return (data.annotations ?? []).flatMap((frame) => {
    const field = (name) => frame.fields.find((one) => one.name === name)?.values ?? [];
    const [time, end, color] = [field("time"), field("timeEnd"), field("color")];
    return Array.from(time, (at, row) => ({ time: at, timeEnd: end[row], color: color[row] }));
  });
}

function Lines({ data, width, height, options, timeRange, timeZone }) {
  if (data.series.length === 0) return <Empty />;
  const events = eventsOf(data);
  return (
    // Annotations come later than data: another plot is made then.
    <TimeSeries key={events.length} frames={data.series} structureRev={data.structureRev} timeRange={timeRange} timeZone={timeZone}
      width={width} height={height} legend={options.legend} options={options}>
      {(builder) => annotate(builder, events)}
    </TimeSeries>
  );
}

function Empty() {
  return <div className="no-data" style={{ textAlign: "center", paddingTop: 20, color: "#8e8e99" }}>No data</div>;
}

function display(props, theme) {
  const { fieldConfig, options, data, replaceVariables, timeZone } = props;
  return getFieldDisplayValues({ fieldConfig, reduceOptions: options.reduceOptions, replaceVariables, theme, data: data.series, timeZone });
}

function Stat(props) {
  const theme = useTheme2();
  const { options, width, height } = props;
  const draw = ({ value, width, height, alignmentFactors, orientation, count }) => (
    <BigValue value={value.display} count={count} width={width} height={height} theme={theme} colorMode={options.colorMode}
      graphMode="none" justifyMode={options.justifyMode} textMode={options.textMode} alignmentFactors={alignmentFactors}
      parentOrientation={orientation} wideLayout={options.wideLayout} />
  );
  return (
    <VizRepeater getValues={() => display(props, theme)} renderValue={draw} width={width} height={height} source={props.data}
      autoGrid={true} getAlignmentFactors={getDisplayValueAlignmentFactors} renderCounter={props.renderCounter} orientation={options.orientation} itemSpacing={3} minVizHeight={30} />
  );
}

function Bars(props) {
  const theme = useTheme2();
  const { options, width, height } = props;
  const draw = ({ value, width, height, alignmentFactors, orientation }) => (
    <BarGauge value={value.display} width={width} height={height} orientation={orientation} field={value.field} theme={theme}
      display={value.view?.getFieldDisplayProcessor?.(value.colIndex)} displayMode={options.displayMode} itemSpacing={10} lcdCellWidth={12}
      alignmentFactors={alignmentFactors} showUnfilled={options.showUnfilled} valueDisplayMode={options.valueMode}
      namePlacement={options.namePlacement} />
  );
  return (
    <VizRepeater getValues={() => display(props, theme)} renderValue={draw} width={width} height={height} source={props.data}
      getAlignmentFactors={getDisplayValueAlignmentFactors} renderCounter={props.renderCounter} orientation={options.orientation} itemSpacing={10} minVizWidth={8} minVizHeight={16} maxVizHeight={40} />
  );
}

function Cells({ data, width, height, options }) {
  const frame = data.series.find((one) => one.length > 0);
  return frame ? <Table data={frame} width={width} height={height} initialSortBy={options.sortBy} cellHeight={options.cellHeight} /> : <Empty />;
}

function Words({ options }) {
  return <div className="markdown-html" style={{ padding: 4 }} dangerouslySetInnerHTML={{ __html: renderMarkdown(options.content) }} />;
}

function Unknown({ data }) {
  return <div style={{ padding: 8, color: "#8e8e99" }}>not drawn here: {data.series.length} frames</div>;
}

const KINDS = { timeseries: Lines, stat: Stat, bargauge: Bars, gauge: Bars, singlestat: Stat, table: Cells, text: Words };
const made = new Map();

export function plugins(id) {
  if (!made.has(id)) {
    const plugin = new PanelPlugin(KINDS[id] ?? Unknown).useFieldConfig({
      useCustomConfig(builder) {
        for (const name of CUSTOM) {
          builder.addCustomEditor({ ...property(name, name, true), id: name });
        }
      },
    });
    plugin.meta = { id, name: id, info: {}, module: "", baseUrl: "", type: "panel" };
    made.set(id, plugin);
  }
  return made.get(id);
}
