// What Grafana's core does before a dashboard can be drawn: registries, services, the one data source.
import {
  EventBusSrv,
  FieldColorModeId,
  createTheme,
  identityOverrideProcessor,
  standardEditorsRegistry,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
} from "@grafana/data";
import { initPluginTranslations } from "@grafana/i18n";
import {
  setAppEvents,
  setDataSourceSrv,
  setPluginImportUtils,
  setRunRequest,
  setTemplateSrv,
} from "@grafana/runtime";
import { sceneGraph } from "@grafana/scenes";
import { from, map, of, catchError } from "rxjs";

// Standard field properties, by the path in a field's configuration.
const STANDARD = {
  unit: "unit",
  min: "min",
  max: "max",
  decimals: "decimals",
  displayName: "displayName",
  noValue: "noValue",
  color: "color",
  thresholds: "thresholds",
  mappings: "mappings",
  links: "links",
};

export function property(id, path, isCustom = false) {
  return {
    id,
    path,
    name: id,
    isCustom,
    editor: () => null,
    override: () => null,
    process: identityOverrideProcessor,
    shouldApply: () => true,
    settings: {},
    defaultValue: id === "color" ? { mode: FieldColorModeId.PaletteClassic } : undefined,
  };
}

export async function boot(source, plugins) {
  standardEditorsRegistry.setInit(() => []);
  standardFieldConfigEditorRegistry.setInit(() => Object.entries(STANDARD).map(([id, path]) => property(id, path)));
  const known = new Map();
  for (const transformer of Object.values(standardTransformers)) {
    known.set(transformer.id, transformer);
  }
  standardTransformersRegistry.setInit(() =>
    [...known.values()].map((transformation) => ({ id: transformation.id, name: transformation.name, transformation }))
  );
  setAppEvents(new EventBusSrv());
  setDataSourceSrv({
    get: () => Promise.resolve(source),
    getList: () => [source.instanceSettings],
    getInstanceSettings: () => source.instanceSettings,
  });
  setTemplateSrv({
    getVariables: () => [],
    containsTemplate: (text) => /\$/.test(text ?? ""),
    updateTimeRange() {},
    replace(text, scoped, format) {
      const scene = scoped?.__sceneObject?.value?.valueOf?.() ?? scoped?.__sceneObject?.value;
      return scene ? sceneGraph.interpolate(scene, text, scoped, format) : text;
    },
  });
  setRunRequest((datasource, request) =>
    from(datasource.query(request)).pipe(
      map((answer) => ({ state: "Done", series: answer.data, timeRange: request.range, request })),
      catchError((error) =>
        of({ state: "Error", series: [], timeRange: request.range, request, errors: [{ message: String(error.message) }] })
      )
    )
  );
  setPluginImportUtils({
    importPanelPlugin: (id) => Promise.resolve(plugins(id)),
    getPanelPluginFromCache: (id) => plugins(id),
  });
  await initPluginTranslations("grafana").catch(() => {});
  await initPluginTranslations("grafana-scenes").catch(() => {});
}

export const theme = createTheme({ colors: { mode: "dark" } });
