# Manila: API, scheduler and a share service with Manila's own dummy driver.
# shellcheck shell=bash disable=SC2034
P_MANILA=$(port 8786)
manila_catalog="manila shared-file-system http://127.0.0.1:$P_MANILA/v2"
MANILA=(--config-file "$CONF/manila/manila.conf")
manila_configure() {
  render manila.conf "$CONF/manila/manila.conf"
  mkdir -p "$DATA/manila"
}
manila_migrate() { manage manila-manage "${MANILA[@]}" db sync; }
manila_start() {
  api manila-api "$P_MANILA" manila.wsgi.api:application "${MANILA[*]}"
  start manila-scheduler "$VENV/bin/manila-scheduler" "${MANILA[@]}"
  start manila-share "$VENV/bin/manila-share" "${MANILA[@]}"
}
manila_wait() { await manila-api http_is "$P_MANILA/" 300; }
