#!/usr/bin/env bash
# Ends what up.sh started, by its pid files and nothing else, and removes what it made.
#   down.sh          everything goes: processes, data, logs, clouds.yaml, and the venv when it lies in the state folder
#   down.sh --keep   only the processes end; the next up.sh goes on with the same cloud
#   down.sh --data   the venv stays (up.sh --fresh, which holds the lock meanwhile)
set -euo pipefail
# shellcheck source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
case ${1:-} in '' | --keep | --data) MODE=${1:-} ;; *) die "unknown argument $1; see the head of $0" ;; esac
[ -e "$STATE/lock" ] || exit 0 # nothing of ours
if [ "$MODE" != --data ]; then
  exec 9>"$STATE/lock"
  flock -w 300 9 || die "an up.sh still works in $STATE; end it first"
fi

# The data is kept only after an orderly end; otherwise nobody waits for it.
if [ "$MODE" = --keep ]; then SHORT=40 LONG=300; else SHORT=10 LONG=10; fi
shopt -s nullglob
for file in "$RUN"/*.pid; do
  name=$(basename "$file" .pid)
  case $name in
    mysqld | rabbitmq | epmd | memcached | keystone) ;; # the others need these until they have ended
    nova-compute-*) ;;                                   # in the process group of nova-computes
    *) end "$name" "$SHORT" & ;;
  esac
done
wait
for name in keystone memcached rabbitmq mysqld; do end "$name" "$LONG" & done
wait
end epmd 20 # RabbitMQ signs off here
rm -f "$RUN"/nova-compute-*.pid

[ "$MODE" != --keep ] || exit 0
rm -rf "$CONF" "$LOGS" "$RUN" "$DATA" "$STATE/clouds.yaml"
[ "$MODE" != --data ] || exit 0
[ "$VENV" != "$STATE/venv" ] || rm -rf "$VENV"
rm -f "$STATE/lock"
rmdir --ignore-fail-on-non-empty "$STATE"
