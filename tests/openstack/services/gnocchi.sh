# Gnocchi: API and metricd, the measures in files.
# shellcheck shell=bash disable=SC2034
P_GNOCCHI=$(port 8041)
gnocchi_catalog="gnocchi metric http://127.0.0.1:$P_GNOCCHI"
GNOCCHI=(--config-file "$CONF/gnocchi/gnocchi.conf")
gnocchi_configure() {
  render gnocchi.conf "$CONF/gnocchi/gnocchi.conf"
  mkdir -p "$DATA/gnocchi"
  # or its login would be read from /etc/gnocchi
  sed "s#^oslo_config_project = gnocchi#&\noslo_config_file = $CONF/gnocchi/gnocchi.conf#" \
    "$VENV"/lib/python3*/site-packages/gnocchi/rest/api-paste.ini >"$CONF/gnocchi/api-paste.ini"
}
gnocchi_migrate() { manage gnocchi-upgrade "${GNOCCHI[@]}"; }
gnocchi_start() {
  # a new start from the saved cloud: the index is there, the folders of the measures are not
  if ! [ -e "$DATA/gnocchi/upgraded" ]; then
    gnocchi_migrate
    touch "$DATA/gnocchi/upgraded"
  fi
  api gnocchi-api "$P_GNOCCHI" gnocchi.rest.wsgi:application "${GNOCCHI[*]}"
  start gnocchi-metricd "$VENV/bin/gnocchi-metricd" "${GNOCCHI[@]}"
}
gnocchi_wait() { await gnocchi-api http_is "$P_GNOCCHI/" 200; }
