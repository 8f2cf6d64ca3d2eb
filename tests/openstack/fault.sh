#!/usr/bin/env bash
# Breaks one part of the running cloud.
#   fault.sh stop NAME   SIGSTOP: it hangs; connections are taken and never answered; a compute is "down" after 30 s
#   fault.sh cont NAME   SIGCONT
#   fault.sh kill NAME   SIGKILL; up.sh starts it again
#   fault.sh list        the names
set -euo pipefail
# shellcheck source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
names() {
  local file name
  for file in "$RUN"/*.pid; do
    name=$(basename "$file" .pid)
    if alive "$name"; then echo "$name"; fi
  done
}
case ${1:-} in
  list)
    names
    exit
    ;;
  stop) SIGNAL=STOP ;; cont) SIGNAL=CONT ;; kill) SIGNAL=KILL ;;
  *) die "usage: fault.sh stop|cont|kill NAME, fault.sh list" ;;
esac
NAME=${2:-}
if [ -z "$NAME" ] || ! alive "$NAME"; then die "'$NAME' does not run; running: $(names | tr '\n' ' ')"; fi
read -r pid _ <"$RUN/$NAME.pid"
case $NAME in
  nova-compute-*) kill "-$SIGNAL" "$pid" ;; # one of the group of nova-computes
  *) kill "-$SIGNAL" -- "-$pid" ;;
esac
