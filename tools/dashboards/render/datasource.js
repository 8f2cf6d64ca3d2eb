// Prometheus' HTTP API as a Grafana data source: what dashboards need of it, and a list of what was asked.
import { FieldType, createDataFrame } from "@grafana/data";
import { sceneGraph } from "@grafana/scenes";

export const asked = [];

// As Grafana's own: several values become a group of a regular expression.
function regex(value) {
  const escape = (text) => String(text).replace(/[\\^$.*+?()[\]{}|]/g, "\\\\$&");
  return Array.isArray(value) ? (value.length === 1 ? escape(value[0]) : `(${value.map(escape).join("|")})`) : value;
}

const number = (text) => (text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text));

export function legend(format, labels) {
  const name = (key) => labels[key] ?? "";
  return format ? format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, key) => name(key)) : JSON.stringify(labels);
}

export class Source {
  type = "prometheus";
  uid = "prometheus";
  name = "Prometheus";
  meta = { id: "prometheus", annotations: true };
  interval = "15s";

  constructor(url) {
    this.url = url;
    this.instanceSettings = { uid: this.uid, name: this.name, type: this.type, meta: this.meta, isDefault: true };
  }
  getRef() {
    return { type: this.type, uid: this.uid };
  }
  async ask(path, parameters) {
    const answer = await fetch(`${this.url}/api/v1/${path}`, { method: "POST", body: new URLSearchParams(parameters) });
    const body = await answer.json();
    if (body.status !== "success") throw new Error(body.error);
    return body.data;
  }
  expression(text, scene, scoped, range, step) {
    const interval = `${Math.max(step * 4, 60)}s`;
    const seconds = Math.round((range.to.valueOf() - range.from.valueOf()) / 1000);
    const known = text
      .replaceAll("$__rate_interval", interval)
      .replaceAll("$__interval", `${step}s`)
      .replaceAll("$__range", `${seconds}s`);
    return scene ? sceneGraph.interpolate(scene, known, scoped, regex) : known;
  }
  async query(request) {
    const scene = request.scopedVars?.__sceneObject?.value?.valueOf?.() ?? request.scopedVars?.__sceneObject?.value;
    const step = Math.max(15, Math.round(request.intervalMs / 1000));
    const many = request.targets.length > 1;
    const panel = scene && sceneGraph.interpolate(scene, panelTitle(scene));
    const answers = await Promise.all(
      request.targets.map(async (target) => {
        const query = this.expression(target.expr, scene, request.scopedVars, request.range, step);
        const entry = { panel, refId: target.refId, query };
        asked.push(entry);
        try {
          const frames = target.instant
            ? await this.instant(target, query, request.range.to, many)
            : await this.range(target, query, request.range, step);
          entry.series = frames.reduce((sum, frame) => sum + (target.format === "table" ? frame.length : 1), 0);
          return frames;
        } catch (error) {
          entry.error = error.message;
          throw error;
        }
      })
    );
    return { data: answers.flat() };
  }
  async instant(target, query, at, many) {
    const { result, resultType } = await this.ask("query", { query, time: at.valueOf() / 1000 });
    const rows = resultType === "scalar" ? [{ metric: {}, value: result }] : result;
    if (target.format !== "table") {
      return rows.map(({ metric, value }) => frameOf(target, metric, [value]));
    }
    if (rows.length === 0) return [];
    const keys = [...new Set(rows.flatMap(({ metric }) => Object.keys(metric)))].sort();
    const name = many ? `Value #${target.refId}` : "Value";
    return [
      createDataFrame({
        refId: target.refId,
        fields: [
          { name: "Time", type: FieldType.time, values: rows.map(({ value }) => value[0] * 1000) },
          ...keys.map((key) => ({ name: key, type: FieldType.string, values: rows.map(({ metric }) => metric[key] ?? "") })),
          { name, type: FieldType.number, values: rows.map(({ value }) => number(value[1])) },
        ],
      }),
    ];
  }
  async range(target, query, range, step) {
    const align = (moment) => Math.floor(moment.valueOf() / 1000 / step) * step;
    const { result } = await this.ask("query_range", { query, start: align(range.from), end: align(range.to), step });
    return result.map(({ metric, values }) => frameOf(target, metric, values));
  }
  async metricFindQuery(query, options) {
    const scene = options?.scopedVars?.__sceneObject?.value?.valueOf?.() ?? options?.scopedVars?.__sceneObject?.value;
    const text = scene ? sceneGraph.interpolate(scene, query.query ?? query, options.scopedVars, regex) : query;
    const end = Date.now() / 1000;
    const label = /^label_values\((.+),\s*(\w+)\)$/s.exec(text);
    if (label) {
      const found = await this.ask("series", { "match[]": label[1], start: end - 7200, end });
      const values = new Set(found.map((metric) => metric[label[2]]).filter(Boolean));
      return [...values].map((value) => ({ text: value, value }));
    }
    const result = /^query_result\((.+)\)$/s.exec(text);
    const found = await this.ask("query", { query: result ? result[1] : text });
    return found.result.map(({ metric, value }) => {
      const { __name__: name = "", ...labels } = metric;
      const list = Object.entries(labels).map(([key, one]) => `${key}="${one}"`);
      return { text: `${name}{${list.join(",")}} ${value[1]} ${value[0] * 1000}` };
    });
  }
  async annotationQuery({ annotation, range }) {
    const query = this.expression(annotation.expr, annotation.scene, {}, range, 300);
    const step = Math.max(300, Math.ceil((range.to - range.from) / 1000 / 10000));
    const { result } = await this.ask("query_range", { query, start: range.from / 1000, end: range.to / 1000, step });
    const events = [];
    for (const { metric, values } of result) {
      let open = null;
      for (const [at, value] of values) {
        if (number(value) <= 0) continue;
        if (open && at * 1000 - open.timeEnd <= step * 1500) open.timeEnd = at * 1000;
        else events.push((open = { time: at * 1000, timeEnd: at * 1000, title: legend(annotation.titleFormat, metric) }));
      }
    }
    return events.map((event) => ({ ...event, isRegion: event.timeEnd > event.time, color: annotation.iconColor }));
  }
}

function panelTitle(scene) {
  for (let object = scene; object; object = object.parent) {
    if (object.state?.pluginId) return object.state.title ?? "";
  }
  return "";
}

function frameOf(target, metric, values) {
  const name = legend(target.legendFormat, metric);
  return createDataFrame({
    refId: target.refId,
    name,
    fields: [
      { name: "Time", type: FieldType.time, values: values.map(([at]) => at * 1000), config: {} },
      {
        name: "Value",
        type: FieldType.number,
        values: values.map(([, value]) => number(value)),
        labels: metric,
        config: { displayNameFromDS: name },
      },
    ],
  });
}
