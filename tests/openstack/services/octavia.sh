# Octavia: the API alone, with its no-op provider and network driver; seed_services.py sets the states that a worker would.
# shellcheck shell=bash disable=SC2034
P_OCTAVIA=$(port 9876)
octavia_catalog="octavia load-balancer http://127.0.0.1:$P_OCTAVIA"
OCTAVIA=(--config-file "$CONF/octavia/octavia.conf")
octavia_configure() { render octavia.conf "$CONF/octavia/octavia.conf"; }
octavia_migrate() { manage octavia-db-manage "${OCTAVIA[@]}" upgrade head; }
octavia_start() { api octavia-api "$P_OCTAVIA" octavia.wsgi.api:application "${OCTAVIA[*]}"; }
octavia_wait() { await octavia-api http_is "$P_OCTAVIA/" 200; }
