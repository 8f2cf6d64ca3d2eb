#!/usr/bin/env bash
# Builds the image and brings docker-compose.yml up, both unchanged, where no registry can be reached: images that are made
# here of Debian's programs stand under the names that they ask for.
#
#   STACKCAST_BIN=target/release/stackcast tools/deploy/up.sh
#
# Real: the Dockerfile's instructions, Prometheus, Alertmanager, the network between them, volumes, users, secrets.
# Stood in for: the compiler (a script that hands out STACKCAST_BIN), Grafana (says whether its files are there), the mail
# catcher (forty lines of shell that write mails down). Needs root, podman, buildah, runc, netavark, aardvark-dns,
# busybox-static, Prometheus, Alertmanager, and podman-compose (PODMAN_COMPOSE). Everything is removed in the end.
set -euo pipefail
cd "$(dirname "$0")/../.."
STACKCAST_BIN=$(realpath "${STACKCAST_BIN:-target/release/stackcast}")
PODMAN_COMPOSE=${PODMAN_COMPOSE:-podman-compose}
HERE=$PWD/tools/deploy/standin
work=$(mktemp -d)
export STORAGE_DRIVER=vfs CONTAINERS_CONF=$work/containers.conf

say() { printf '== %s (%s s)\n' "$*" "$SECONDS"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
podman() { command podman --root "$work/root" --runroot "$work/run" "$@"; }
compose() { "$PODMAN_COMPOSE" --podman-path "$work/podman" -p stackcast-check "$@"; }
clean() {
  status=$?
  [ "$status" -eq 0 ] || for name in $(podman ps -a --format '{{.Names}}' 2>/dev/null); do
    echo "-- $name"; podman logs --tail 8 "$name" 2>&1 || true
  done
  compose down -v -t 5 >"$work/down.log" 2>&1 || true
  podman system reset -f >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean EXIT

# Without systemd and without the right to raise limits, as in CI: runc, cgroupfs, and limits that are there already.
cat >"$CONTAINERS_CONF" <<END
[containers]
default_ulimits=["nofile=1024:1024","nproc=1024:1024"]
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
[network]
network_backend="netavark"
END
printf '#!/bin/sh\nexec %s --root %s/root --runroot %s/run "$@"\n' "$(command -v podman)" "$work" "$work" >"$work/podman"
chmod +x "$work/podman"

# Copies programs to /bin of a tree, with what they are linked to.
tree() {
  local tree=$work/$1 program library
  shift
  mkdir -p "$tree/bin" "$tree/tmp" "$tree/etc/ssl/certs" && chmod 1777 "$tree/tmp"
  for program in "$@"; do
    cp -L "$program" "$tree/bin/"
    for library in $(ldd "$program" 2>/dev/null | grep -o '/[^ ]*'); do
      mkdir -p "$tree$(dirname "$library")" && cp -L "$library" "$tree$library"
    done
  done
}
# Makes an image of a tree, with further instructions.
image() {
  printf 'FROM scratch\nCOPY . /\n%s\n' "${3:-}" >"$work/Dockerfile.$1"
  buildah --root "$work/root" --runroot "$work/run" bud --isolation chroot -q --format docker -f "$work/Dockerfile.$1" \
    -t "$2" "$work/$1" >/dev/null
}
busybox() { local name; for name in sh wget httpd nc mkdir cp touch chmod cat ls sleep; do ln -sf busybox "$work/$1/bin/$name"; done; }
# The name that docker-compose.yml asks for, with its default version.
published() { sed -n "s#^ *image: \"docker.io/$1:\${[A-Z]*_VERSION:-\(.*\)}\"#docker.io/$1:\1#p" docker-compose.yml; }

say "images that stand in"
tree base /bin/bash "$STACKCAST_BIN"
rm "$work/base/bin/stackcast"*
tree rust /bin/busybox "$STACKCAST_BIN"
mv "$work/rust/bin/$(basename "$STACKCAST_BIN")" "$work/rust/stackcast"
cp "$HERE/cargo" "$work/rust/bin/" && cp /etc/ssl/certs/ca-certificates.crt "$work/rust/etc/ssl/certs/"
tree prometheus /bin/busybox "$(command -v prometheus)"; mkdir "$work/prometheus/own"
tree alertmanager /bin/busybox "$(command -v prometheus-alertmanager)"
# Debian's Alertmanager has its default templates in a file.
mkdir -p "$work/alertmanager/usr/share/prometheus" && cp -r /usr/share/prometheus/alertmanager "$work/alertmanager/usr/share/prometheus/"
tree grafana /bin/busybox; cp "$HERE/grafana" "$work/grafana/bin/"; mkdir "$work/grafana/own"
tree mail /bin/busybox; cp "$HERE/mail" "$HERE/smtp" "$work/mail/bin/"; ln -s bin/mail "$work/mail/mailpit"
for name in rust prometheus alertmanager grafana mail; do busybox "$name"; done
image base localhost/standin/debian:1
image rust localhost/standin/rust:1
image prometheus "$(published prom/prometheus)" $'COPY --chown=65534 own /prometheus\nUSER 65534\nENTRYPOINT ["/bin/prometheus"]'
image alertmanager "$(published prom/alertmanager)" $'USER 65534\nENTRYPOINT ["/bin/prometheus-alertmanager"]'
image grafana "$(published grafana/grafana)" $'COPY --chown=472 own /var/lib/grafana\nUSER 472\nENTRYPOINT ["/bin/sh", "/bin/grafana"]'
image mail "$(published axllent/mailpit)" 'ENTRYPOINT ["/bin/sh", "/bin/mail"]'

say "the image"
buildah --root "$work/root" --runroot "$work/run" bud --isolation chroot -q --format docker \
  --build-arg BUILD_IMAGE=localhost/standin/rust:1 --build-arg BASE_IMAGE=localhost/standin/debian:1 \
  -t localhost/stackcast:0.1.0 . >/dev/null
own=(podman run --rm --read-only --cap-drop ALL --security-opt no-new-privileges --network none)
"${own[@]}" localhost/stackcast:0.1.0 --version
seen=$("${own[@]}" --entrypoint /bin/bash localhost/stackcast:0.1.0 -c 'echo "$UID"; (: >/probe) 2>/dev/null || echo read-only' 2>/dev/null)
[ "$seen" = $'65532\nread-only' ] || fail "the image runs as, or may write to: $seen"
buildah --root "$work/root" --runroot "$work/run" bud --isolation chroot -q \
  --build-arg KOLLA_IMAGE=localhost/standin/debian:1 examples/kolla-ansible >/dev/null

say "compose up"
# A folder that nobody else enters, with files that containers may read: as docs/deployment.md says.
mkdir -m 0700 "$work/secrets"
printf 'grafana-check' >"$work/secrets/grafana"
printf 'smtp-check-password' >"$work/secrets/mail"
export GRAFANA_ADMIN_PASSWORD_FILE=$work/secrets/grafana EMAIL_PASSWORD_SECRET=$work/secrets/mail EMAIL_USER=check@example.org
export STACKCAST_PORT=29180 PROMETHEUS_PORT=29090 ALERTMANAGER_PORT=29093 GRAFANA_PORT=23000 MAIL_PORT=28025
compose up -d --no-build >"$work/up.log" 2>&1 || { tail -20 "$work/up.log"; fail "compose up"; }

# Asks until the answer has the text.
# Not through a pipe: a grep that has found its text closes it, which curl calls an error.
await() {
  local what=$1 url=$2 text=$3 limit=$((SECONDS + 300))
  until [[ $(curl -fsS -m 5 "$url" 2>/dev/null) == *"$text"* ]]; do
    [ "$SECONDS" -lt "$limit" ] || fail "$what: $url has no $text after 5 minutes"
    sleep 1
  done
  say "$what"
}
container() { podman ps -a --format '{{.Names}}' | grep -x "stackcast-check[-_]$1[-_]1"; }
query() { echo "http://127.0.0.1:29090/api/v1/query?query=$1"; }
await "Alertmanager is up" http://127.0.0.1:29093/-/ready OK
curl -fsS -H 'Content-Type: application/json' http://127.0.0.1:29093/api/v2/alerts \
  -d '[{"labels": {"alertname": "Check", "severity": "critical", "reaction": "page"}, "annotations": {"summary": "the chain works"}}]'
await "Alertmanager's mail reaches the catcher" http://127.0.0.1:28025/ "the chain works"
await "Grafana's files are where grafana.ini and provisioning say" http://127.0.0.1:23000/ "stand-in: complete"

say "secrets"
volume=$(podman volume inspect stackcast-check_alertmanager --format '{{.Mountpoint}}')
modes=$(stat -c '%u %a' "$volume/secrets/email_password" "$volume/secrets")
[ "$modes" = $'65532 600\n65532 700' ] || fail "owner and mode of the password, of its directory: $modes"
for name in $(podman ps -a --format '{{.Names}}'); do
  settings=$(podman inspect "$name")
  [[ $settings != *smtp-check-password* && $settings != *grafana-check* ]] || fail "a password can be read in $name's settings"
done

say "the chain"
await "stackcast is ready" http://127.0.0.1:29180/-/ready ready
podman healthcheck run "$(container stackcast)" || fail "the image's HEALTHCHECK"
await "Prometheus scrapes it by its name" "$(query 'up%7Bjob%3D%22stackcast%22%2Cinstance%3D%22stackcast%3A9180%22%7D==1')" '"value"'
await "its figures have labels of cloud and region" "$(query 'openstack_nova_up%7Bcloud%21%3D%22%22%2Cregion%21%3D%22%22%7D')" '"value"'
await "rules are loaded" http://127.0.0.1:29090/api/v1/rules '"health":"ok"'
[[ $(curl -fsS http://127.0.0.1:29090/api/v1/rules) != *'"health":"err"'* ]] || fail "a rule does not evaluate"
await "Prometheus finds hypervisors by stackcast" http://127.0.0.1:29090/api/v1/targets '"job":"node"'
await "an alert reaches Alertmanager" http://127.0.0.1:29093/api/v2/alerts StackcastWatchdog

say "the end"
podman stop -t 15 "$(container stackcast)" >/dev/null
code=$(podman inspect "$(container stackcast)" --format '{{.State.ExitCode}}')
[ "$code" = 0 ] || fail "stackcast ended with $code on SIGTERM"
say "done"
