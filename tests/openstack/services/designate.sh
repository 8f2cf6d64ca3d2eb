# Designate: API and central. No worker: there is no name server behind it, so seed_services.py sets what a worker reports.
# shellcheck shell=bash disable=SC2034
P_DESIGNATE=$(port 9001)
designate_catalog="designate dns http://127.0.0.1:$P_DESIGNATE"
DESIGNATE=(--config-file "$CONF/designate/designate.conf")
designate_configure() {
  render designate.conf "$CONF/designate/designate.conf"
  cp "$VENV/etc/designate/api-paste.ini" "$CONF/designate/"
}
designate_migrate() { manage designate-manage "${DESIGNATE[@]}" database sync; }
designate_start() {
  OS_DESIGNATE_CONFIG_DIR="$CONF/designate" api designate-api "$P_DESIGNATE" designate.wsgi.api:application
  start designate-central "$VENV/bin/designate-central" "${DESIGNATE[@]}"
}
designate_wait() {
  await designate-api http_is "$P_DESIGNATE/" 200
  # a new cloud: central, which must run for this, is told of the name servers
  [ "$(sql -N designate -e 'select count(*) from pool_targets')" != 0 ] ||
    manage designate-manage "${DESIGNATE[@]}" pool update --file "$HERE/templates/designate-pools.yaml"
}
