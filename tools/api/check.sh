#!/usr/bin/env bash
# Holds the API's description (/api/openapi.json) against a running server: schemathesis asks thousands of right and
# wrong questions and checks status, form and schema of every answer.
#
#   python3 -m venv /tmp/schemathesis && /tmp/schemathesis/bin/pip install schemathesis    # once, outside the repository
#   tools/api/check.sh [-- further flags of schemathesis]
#
# SCHEMATHESIS: the program (default: /tmp/schemathesis/bin/schemathesis, else the one in PATH)
# STACKCAST:    the program to check (default: target/debug/stackcast)
# URL:          a server that runs already, whose rate limit is off; without it, a demo is started and ended
# EXAMPLES:     questions per operation and phase (default: 40)
set -euo pipefail
cd "$(dirname "$0")/../.."

schemathesis=${SCHEMATHESIS:-/tmp/schemathesis/bin/schemathesis}
[ -x "$schemathesis" ] || schemathesis=$(command -v schemathesis) || {
  echo "schemathesis is not here; the head of this file says how to get it" >&2
  exit 2
}
stackcast=${STACKCAST:-target/debug/stackcast}
[ "${1:-}" = -- ] && shift

url=${URL:-}
if [ -z "$url" ]; then
  address=127.0.0.1:${PORT:-29187}
  url=http://$address
  log=$(mktemp)
  STACKCAST_EXPOSE__RATE_LIMIT__REQUESTS_PER_SECOND=0 \
    "$stackcast" demo --hypervisors 20 --instances 200 --history 16 --web.listen-address "$address" > "$log" 2>&1 &
  demo=$!
  trap 'kill $demo 2>/dev/null; wait $demo 2>/dev/null || true; rm -f "$log"' EXIT
  for _ in $(seq 240); do
    curl -sf "$url/-/ready" > /dev/null && break
    kill -0 $demo 2>/dev/null || { cat "$log" >&2; exit 2; }
    sleep 1
  done
  # Forecasts and headroom are made after the first looks.
  for _ in $(seq 120); do
    curl -sf "$url/api/v1/runway?limit=1" | grep -q '"total":[1-9]' && break
    sleep 1
  done
fi

# The stream has no end. Workload records are off here: tests/workload.rs asks for them.
"$schemathesis" --config-file tools/api/schemathesis.toml run "$url/api/openapi.json" --url "$url" \
  --exclude-path /api/v1/stream --exclude-path-regex '^/api/v1/(oswl_stats|changes|csv/)' \
  --checks all --max-examples "${EXAMPLES:-40}" --seed 1 --workers 1 --no-color "$@"
