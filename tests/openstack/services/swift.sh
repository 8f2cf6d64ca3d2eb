# Swift: proxy, account, container and object server over one folder; its file system must have extended attributes.
# shellcheck shell=bash disable=SC2034
P_SWIFT=$(port 8080) P_SWIFT_OBJECT=$(port 6200) P_SWIFT_CONTAINER=$(port 6201) P_SWIFT_ACCOUNT=$(port 6202)
swift_catalog="swift object-store http://127.0.0.1:$P_SWIFT/v1/AUTH_%(project_id)s"
swift_configure() {
  local part ring
  for part in proxy account container object; do render "swift-$part.conf" "$CONF/swift/$part.conf"; done
  render swift.conf "$CONF/swift/swift.conf"
  mkdir -p "$DATA/swift/disk" "$DATA/swift/cache"
  for ring in account:$P_SWIFT_ACCOUNT container:$P_SWIFT_CONTAINER object:$P_SWIFT_OBJECT; do
    part=$CONF/swift/${ring%:*}
    [ -e "$part.ring.gz" ] || {
      manage swift-ring-builder "$part.builder" create 4 1 0
      manage swift-ring-builder "$part.builder" add --region 1 --zone 1 --ip 127.0.0.1 --port "${ring#*:}" --device disk --weight 1
      manage swift-ring-builder "$part.builder" rebalance
    }
  done
}
swift_migrate() { :; } # it keeps no database that dump.sh saves: a new start of a seeded cloud fills it anew
swift_start() {
  local part
  for part in account container object proxy; do
    start "swift-$part" "$VENV/bin/python" "$HERE/py/swift_part.py" "$CONF/swift" "swift-$part-server" "$part.conf"
  done
  start swift-updater "$VENV/bin/python" "$HERE/py/swift_part.py" "$CONF/swift" swift-container-updater container.conf
}
swift_wait() {
  await swift-proxy http_is "$P_SWIFT/healthcheck" 200
  if ! [ -e "$DATA/swift/seeded" ] && [ "$(sql -N keystone -e "select count(*) from project where name = 'acme'")" != 0 ]; then
    STACKCAST_OS_STATE=$STATE manage python "$HERE/seed_services.py" swift
    touch "$DATA/swift/seeded"
  fi
}
