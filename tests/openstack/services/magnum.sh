# Magnum: the API and its conductor; clusters are rows that seed_services.py makes, since no Kubernetes is built here.
# shellcheck shell=bash disable=SC2034
P_MAGNUM=$(port 9511)
magnum_catalog="magnum container-infra http://127.0.0.1:$P_MAGNUM/v1"
MAGNUM=(--config-file "$CONF/magnum/magnum.conf")
magnum_configure() {
  render magnum.conf "$CONF/magnum/magnum.conf"
  mkdir -p "$DATA/magnum"
}
magnum_migrate() { manage magnum-db-manage "${MAGNUM[@]}" upgrade; }
magnum_start() { api magnum-api "$P_MAGNUM" magnum.wsgi.api:application "${MAGNUM[*]}"; }
magnum_wait() { await magnum-api http_is "$P_MAGNUM/" 200; }
