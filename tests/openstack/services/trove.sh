# Trove: the API alone; instances are rows that seed_services.py makes, each beside a server of Nova.
# shellcheck shell=bash disable=SC2034
P_TROVE=$(port 8779)
trove_catalog="trove database http://127.0.0.1:$P_TROVE/v1.0/%(project_id)s"
TROVE=(--config-file "$CONF/trove/trove.conf")
trove_configure() { render trove.conf "$CONF/trove/trove.conf"; }
trove_migrate() { manage trove-manage "${TROVE[@]}" db_sync; }
trove_start() { api trove-api "$P_TROVE" trove.cmd.app_wsgi:application "${TROVE[*]}"; }
trove_wait() { await trove-api http_is "$P_TROVE/" 200; }
