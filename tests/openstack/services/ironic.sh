# Ironic: API and conductor in one process, hardware of type "fake-hardware" without power synchronisation.
# shellcheck shell=bash disable=SC2034
P_IRONIC=$(port 6385)
ironic_catalog="ironic baremetal http://127.0.0.1:$P_IRONIC"
IRONIC=(--config-file "$CONF/ironic/ironic.conf")
ironic_configure() {
  render ironic.conf "$CONF/ironic/ironic.conf"
  mkdir -p "$DATA/ironic"
}
ironic_migrate() { manage ironic-dbsync "${IRONIC[@]}" upgrade; }
ironic_start() { start ironic "$VENV/bin/ironic" "${IRONIC[@]}"; }
ironic_wait() { await ironic http_is "$P_IRONIC/" 200; }
