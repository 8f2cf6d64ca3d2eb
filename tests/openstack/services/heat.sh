# Heat: API and engine. Its own resource types (random strings, waits) need no other service.
# shellcheck shell=bash disable=SC2034
P_HEAT=$(port 8004)
heat_catalog="heat orchestration http://127.0.0.1:$P_HEAT/v1/%(project_id)s"
HEAT=(--config-file "$CONF/heat/heat.conf")
heat_configure() {
  render heat.conf "$CONF/heat/heat.conf"
  cp "$HERE/templates/policy/heat.yaml" "$CONF/heat/policy.yaml"
}
heat_migrate() { manage heat-manage "${HEAT[@]}" db_sync; }
heat_start() {
  api heat-api "$P_HEAT" heat.wsgi.api:application "${HEAT[*]}"
  start heat-engine "$VENV/bin/heat-engine" "${HEAT[@]}"
}
heat_wait() { await heat-api http_is "$P_HEAT/" 300; }
