// A dashboard's JSON as a scene.
import {
  ConstantVariable,
  CustomVariable,
  EmbeddedScene,
  QueryVariable,
  SceneDataLayerSet,
  SceneDataTransformer,
  SceneGridItem,
  SceneGridLayout,
  SceneGridRow,
  SceneQueryRunner,
  SceneRefreshPicker,
  SceneTimePicker,
  SceneTimeRange,
  SceneVariableSet,
  VariableValueSelectors,
  VizPanel,
  dataLayers,
} from "@grafana/scenes";

function variable(json, chosen) {
  const common = { name: json.name, label: json.label ?? json.name, hide: json.hide ?? 0, skipUrlSync: true };
  const wanted = chosen[json.name];
  if (json.type === "query") {
    return new QueryVariable({
      ...common,
      datasource: { uid: "prometheus", type: "prometheus" },
      query: typeof json.query === "string" ? json.query : (json.query?.query ?? json.definition),
      regex: json.regex ?? "",
      refresh: 1,
      sort: json.sort,
      isMulti: json.multi,
      includeAll: json.includeAll,
      allValue: json.allValue ?? undefined,
      value: wanted ?? (json.includeAll ? ["$__all"] : (json.current?.value ?? "")),
      text: wanted ?? (json.includeAll ? ["All"] : (json.current?.text ?? "")),
    });
  }
  if (json.type === "custom" || json.type === "interval") {
    const value = wanted ?? json.current?.value;
    return new CustomVariable({ ...common, query: json.query, value, text: json.current?.text, isMulti: json.multi });
  }
  const value = json.type === "datasource" ? "prometheus" : (json.query ?? "");
  return new ConstantVariable({ ...common, hide: 2, value });
}

function body(json) {
  const state = {
    pluginId: json.type,
    title: json.title ?? "",
    description: json.description,
    options: json.options ?? {},
    fieldConfig: json.fieldConfig ?? { defaults: {}, overrides: [] },
    displayMode: json.transparent ? "transparent" : "default",
  };
  if (json.targets?.length) {
    const runner = new SceneQueryRunner({
      datasource: { uid: "prometheus", type: "prometheus" },
      queries: json.targets.filter((one) => !one.hide),
      maxDataPoints: json.maxDataPoints,
    });
    state.$data = new SceneDataTransformer({ $data: runner, transformations: json.transformations ?? [] });
  }
  // As Grafana's core does for `timeFrom`.
  if (json.timeFrom) state.$timeRange = new SceneTimeRange({ from: `now-${json.timeFrom}`, to: "now" });
  return new VizPanel(state);
}

const place = ({ x, y, w, h }) => ({ x, y, width: w, height: h });
const item = (json) => new SceneGridItem({ ...place(json.gridPos), body: body(json) });

function children(panels) {
  const made = [];
  let row = null;
  for (const json of panels) {
    if (json.type === "row") {
      row = new SceneGridRow({ ...place(json.gridPos), title: json.title, isCollapsed: false, children: [] });
      made.push(row);
      row.state.children.push(...(json.panels ?? []).map(item));
    } else if (row) {
      row.state.children.push(item(json));
    } else {
      made.push(item(json));
    }
  }
  return made;
}

export function scene(json, chosen, time) {
  const layers = (json.annotations?.list ?? []).filter((one) => one.expr && one.enable);
  const made = new EmbeddedScene({
    $timeRange: new SceneTimeRange({ ...(time ?? json.time) }),
    $variables: new SceneVariableSet({ variables: (json.templating?.list ?? []).map((one) => variable(one, chosen)) }),
    $data: new SceneDataLayerSet({
      layers: layers.map((query) => new dataLayers.AnnotationsDataLayer({ name: query.name, query: { ...query, datasource: { uid: "prometheus", type: "prometheus" } }, isEnabled: true })),
    }),
    controls: [new VariableValueSelectors({}), new SceneTimePicker({}), new SceneRefreshPicker({})],
    body: new SceneGridLayout({ children: children(json.panels) }),
  });
  // Annotation queries hold variables, and have no scene of their own to look them up in.
  for (const layer of made.state.$data.state.layers) layer.state.query.scene = made;
  return made;
}
