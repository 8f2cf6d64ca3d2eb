#!/usr/bin/env bash
# Starts a small real OpenStack on 127.0.0.1: Keystone, Placement, Nova with fake computes, Glance, Cinder, Neutron, and the
# services of services/.
# What runs already is left alone, so it also repairs a cloud of which a part has ended.
#   up.sh             install what is missing, start, wait until every service has reported in, write clouds.yaml
#   up.sh --page N    the APIs give at most N items a page (1000 at first); on a running cloud only they start again
#   up.sh --services "heat swift"   of services/ only these ("" none, "all" as at first; kept until changed)
#   up.sh --fresh     begin again from the saved dump
#   up.sh --from F    a new cloud starts from dump.sh's file F instead of seeded.sql.xz
#   up.sh --empty     a new cloud starts from nothing: each service's migrations, catalog and users (then run seed.py)
set -euo pipefail
# shellcheck source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
FROM=$HERE/seeded.sql.xz FRESH='' PAGE='' SERVICES=keep
while [ $# -gt 0 ]; do
  case $1 in
    --fresh) FRESH=1 ;;
    --empty) FROM='' ;;
    --from | --page)
      [ -n "${2:-}" ] || die "$1 needs a value"
      if [ "$1" = --from ]; then FROM=$(realpath "$2"); else PAGE=$2; fi
      shift
      ;;
    --services)
      [ $# -gt 1 ] || die "--services needs a value: names of services/, or ''"
      SERVICES=$2
      shift
      ;;
    *) die "unknown argument $1; see the head of $0" ;;
  esac
  shift
done
[ -z "$PAGE" ] || [[ $PAGE =~ ^[1-9][0-9]*$ ]] || die "--page wants a number above 0, not '$PAGE'"
[ "$SERVICES" != all ] || SERVICES=${EXTRAS[*]}
if [ "$SERVICES" != keep ]; then
  for name in $SERVICES; do [ -e "$HERE/services/$name.sh" ] || die "--services: there is no services/$name.sh"; done
fi
[ -z "$FROM" ] || [ -s "$FROM" ] || die "$FROM is missing or empty: give another with --from, or --empty"
cd / # the parts hold no folder of the repository
say() { printf '[%3ds] %s\n' "$SECONDS" "$*"; }

mkdir -p "$STATE"
# down.sh removes folders of common names here. The lock is the mark of our own; a venv may come from a CI cache.
[ -e "$STATE/lock" ] || [ -z "$(find "$STATE" -mindepth 1 -maxdepth 1 ! -name venv)" ] ||
  die "$STATE holds other files: set STACKCAST_OS_STATE to a folder that is empty or not there yet"
exec 9>"$STATE/lock" # a test may call this while CI's own call in the background still runs; every child closes it
flock -w 900 9 || die "another up.sh works in $STATE for 15 minutes already; end it, then down.sh"
[ -z "$FRESH" ] || "$HERE/down.sh" --data 9>&-
mkdir -p "$CONF" "$LOGS" "$RUN" "$DATA"
if [ "$(cat "$CONF/offset" 2>/dev/null || echo "$STACKCAST_OS_OFFSET")" != "$STACKCAST_OS_OFFSET" ]; then
  die "the cloud in $STATE has STACKCAST_OS_OFFSET=$(cat "$CONF/offset"): keep that, or use --fresh or another STACKCAST_OS_STATE"
fi
echo "$STACKCAST_OS_OFFSET" >"$CONF/offset"

# ---- install ------------------------------------------------------------------------------------------------------
apt_install() { # PACKAGE...
  local as_root=() policy=/usr/sbin/policy-rc.d made=''
  command -v apt-get >/dev/null || die "missing: $*; there is no apt-get here, so install them by hand"
  if [ "$(id -u)" != 0 ]; then as_root=(sudo); fi
  say "apt-get install $*"
  if ! [ -e $policy ]; then # or Debian starts its own instances of the services at once
    made=1
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
    "${as_root[@]}" chmod +x $policy
  fi
  { "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } \
    >"$LOGS/apt.log" 2>&1 9>&- || { tail -5 "$LOGS/apt.log" >&2; APT_FAILED=1; }
  if [ -n "$made" ]; then "${as_root[@]}" rm -f $policy; fi
  [ -z "${APT_FAILED:-}" ] || die "apt-get failed; the whole of it: $LOGS/apt.log"
}
PACKAGES=()
need() { [ -e "$1" ] || command -v "$1" >/dev/null || PACKAGES+=("$2"); } # COMMAND PACKAGE
need /usr/sbin/mariadbd mariadb-server
need /usr/lib/rabbitmq/bin/rabbitmq-server rabbitmq-server
need memcached memcached
need curl curl
need xz xz-utils
need python3 python3
python3 -c 'import ensurepip, venv' 2>/dev/null || PACKAGES+=(python3-venv)
[ ${#PACKAGES[@]} = 0 ] || apt_install "${PACKAGES[@]}"

STAMP=$(cat "$HERE/requirements.txt" "$HERE/constraints.txt" | sha256sum)
if [ "$(cat "$VENV/.stackcast-stamp" 2>/dev/null)" != "$STAMP" ]; then
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "these OpenStack releases need Python 3.11 or newer; $(python3 --version) is first in PATH"
  say "PyPI packages into $VENV"
  { [ -x "$VENV/bin/python" ] || python3 -m venv "$VENV"
    "$VENV/bin/pip" install -q uv
    "$VENV/bin/uv" pip install -p "$VENV/bin/python" -r "$HERE/requirements.txt" -c "$HERE/constraints.txt"; } \
    >"$LOGS/pip.log" 2>&1 9>&- || { tail -20 "$LOGS/pip.log" >&2; die "pip failed; the whole of it: $LOGS/pip.log"; }
  "$VENV/bin/python" -m compileall -q -j 0 "$VENV/lib" >/dev/null 2>&1 9>&- || true # some packages carry templates named .py
  echo "$STAMP" >"$VENV/.stackcast-stamp"
fi

# ---- configure ----------------------------------------------------------------------------------------------------
OLD_PAGE=$(cat "$CONF/page" 2>/dev/null || true)
PAGE=${PAGE:-${OLD_PAGE:-1000}}
USER_NAME=$(id -un)
# shellcheck disable=SC2034  # render takes these by name
AUTHUSER="auth_type = password
auth_url = http://127.0.0.1:$P_KEYSTONE/v3
user_domain_name = Default
project_domain_name = Default
project_name = service
password = $PASSWORD"
# shellcheck disable=SC2034
AUTHTOKEN="www_authenticate_uri = http://127.0.0.1:$P_KEYSTONE/
memcached_servers = 127.0.0.1:$P_MEMCACHE
region_name = $REGION
service_token_roles_required = true
service_token_roles = service
$AUTHUSER"
render() { # TEMPLATE TARGET [NAME=VALUE...]   the upper-case names between @ signs
  local text name pair
  text=$(<"$HERE/templates/$1")
  for name in AUTHTOKEN AUTHUSER AMQP_URL DB_URL CONF DATA RUN VENV USER_NAME PASSWORD REGION PAGE "${PORT_NAMES[@]}"; do
    text=${text//@$name@/${!name}}
  done
  for pair in "${@:3}"; do text=${text//@${pair%%=*}@/${pair#*=}}; done
  [[ ! $text =~ @[A-Z_]+@ ]] || die "templates/$1: nothing fills in ${BASH_REMATCH[0]}"
  mkdir -p "$(dirname "$2")"
  printf '%s\n' "$text" >"$2"
}
if [ "$SERVICES" != keep ]; then
  for name in $(chosen); do # those that are left out from now on
    [[ " $SERVICES " == *" $name "* ]] || for file in "$RUN/$name"*.pid; do end "$(basename "$file" .pid)" 50; done
  done
  echo "$SERVICES" >"$CONF/services"
fi
read -r -a CHOSEN <<<"$(chosen)" || true
manage() { # COMMAND ARGUMENTS...   of the venv
  "$VENV/bin/$1" "${@:2}" >>"$LOGS/manage.log" 2>&1 9>&- || die "failed: $*; see $LOGS/manage.log"
}
render my.cnf "$CONF/my.cnf"
render rabbitmq.conf "$CONF/rabbitmq/rabbitmq.conf"
for service in keystone placement nova cinder neutron glance-api; do
  folder=${service%-api}
  render "$service.conf" "$CONF/$folder/$service.conf"
  cp "$HERE/templates/policy/$folder.yaml" "$CONF/$folder/policy.yaml"
done
render ml2_conf.ini "$CONF/neutron/ml2_conf.ini"
cp "$VENV/etc/nova/api-paste.ini" "$CONF/nova/"
render clouds.yaml "$STATE/clouds.yaml"
mkdir -p "$DATA"/{glance/{images,staging,tasks},nova/{controller,locks},cinder/{coordination,locks},neutron/locks,rabbitmq}
for name in "${CHOSEN[@]}"; do "${name}_configure"; done
COMPUTE_ARGS=()
for host in "${COMPUTES[@]}"; do
  driver=RackDriver
  [ "$host" != compute-02 ] || driver=BigRackDriver # hosts of two sizes
  render nova-compute.conf "$CONF/nova/$host.conf" HOST="$host" DRIVER="$driver"
  mkdir -p "$DATA/nova/$host/locks"
  # rack_nova.py's node uuid: without this file nova-compute refuses a host that the database knows already
  python3 -c 'import sys, uuid; print(uuid.uuid5(uuid.NAMESPACE_DNS, sys.argv[1]))' "$host" >"$DATA/nova/$host/compute_id"
  COMPUTE_ARGS+=("$host=$CONF/nova/$host.conf")
done
if [ -n "$OLD_PAGE" ] && [ "$OLD_PAGE" != "$PAGE" ]; then
  say "page size $PAGE instead of $OLD_PAGE: the APIs start again"
  for name in nova-api cinder-api neutron-api glance; do end $name 50 & done
  wait
fi
echo "$PAGE" >"$CONF/page"

# ---- processes ----------------------------------------------------------------------------------------------------
start() { # NAME COMMAND...   a session of its own, so that the group can be ended as one
  local name=$1 pid
  shift
  ! alive "$name" || return 0
  setsid nohup "$@" >>"$LOGS/$name.log" 2>&1 </dev/null 9>&- &
  pid=$!
  sleep 0.05
  echo "$pid $(started "$pid")" >"$RUN/$name.pid" || die "$name ended at once; see $LOGS/$name.log"
}
await() { # NAME TEST...   of a part that was started
  local name=$1 end=$((SECONDS + 120))
  shift
  until "$@" >/dev/null 2>&1 9>&-; do
    alive "$name" || { tail -3 "$LOGS/$name.log" >&2; die "$name ended; the whole of its log: $LOGS/$name.log"; }
    [ $SECONDS -lt $end ] || die "$name did not answer within 120 s; see $LOGS/$name.log"
    sleep 0.3
  done
}
port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }
http_is() { [ "$(curl -s --noproxy '*' -o /dev/null -m 5 -w '%{http_code}' "http://127.0.0.1:$1")" = "$2" ]; } # PORT/PATH CODE
api() { # NAME PORT MODULE [ARGUMENTS]
  start "$1" "$VENV/bin/uwsgi" --http-socket "127.0.0.1:$2" --module "$3" --pyargv "${4:-}" --processes 1 --threads 8 \
    --enable-threads --buffer-size 65535 --add-header "Connection: close" --disable-logging --die-on-term --need-app \
    --virtualenv "$VENV"
}
unset OS_CLOUD "${!OS_@}"
export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1
export MALLOC_ARENA_MAX=2 # or each thread takes an arena of its own
export PYTHONPATH="$HERE/py" PYTHONWARNINGS=ignore PYTHONDONTWRITEBYTECODE=1
export XDG_CACHE_HOME="$VENV/.cache" # stevedore keeps its list of plugins there, not in the home folder
export OS_KEYSTONE_CONFIG_DIR="$CONF/keystone" OS_PLACEMENT_CONFIG_DIR="$CONF/placement" OS_NOVA_CONFIG_DIR="$CONF/nova"
export OS_GLANCE_CONFIG_DIR="$CONF/glance" OS_NEUTRON_CONFIG_DIR="$CONF/neutron" OS_NEUTRON_CONFIG_FILES="neutron.conf;ml2_conf.ini"

start memcached memcached -u "$USER_NAME" -l 127.0.0.1 -p "$P_MEMCACHE" -U 0 -m 64
say "MariaDB, RabbitMQ"
if ! [ -d "$DATA/mysql/mysql" ]; then
  mariadb-install-db --defaults-file="$CONF/my.cnf" --user="$USER_NAME" --auth-root-authentication-method=normal \
    --skip-test-db >"$LOGS/mysql-install.log" 2>&1 9>&- ||
    die "mariadb-install-db failed; see $LOGS/mysql-install.log"
fi
start mysqld mariadbd --defaults-file="$CONF/my.cnf"
if ! alive rabbitmq; then
  start epmd epmd -address 127.0.0.1 -port "$P_EPMD"
  # shellcheck disable=SC2016  # $HOME is the one that env sets
  # not /usr/sbin's wrapper, which insists on the user rabbitmq
  start rabbitmq env HOME="$DATA/rabbitmq" ERL_EPMD_PORT="$P_EPMD" ERL_EPMD_ADDRESS=127.0.0.1 \
    RABBITMQ_NODENAME=stackcast@localhost RABBITMQ_DIST_PORT="$P_ERLDIST" \
    RABBITMQ_CONFIG_FILE="$CONF/rabbitmq/rabbitmq" RABBITMQ_CONF_ENV_FILE="$CONF/rabbitmq/env.conf" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$CONF/rabbitmq/enabled_plugins" \
    RABBITMQ_MNESIA_BASE="$DATA/rabbitmq/mnesia" RABBITMQ_LOG_BASE="$LOGS" RABBITMQ_LOGS=- \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none" \
    sh -c 'cd "$HOME" && exec /usr/lib/rabbitmq/bin/rabbitmq-server'
fi
await mysqld sql -e 'select 1'

# ---- databases ----------------------------------------------------------------------------------------------------
KEYSTONE=(--config-file "$CONF/keystone/keystone.conf")
NOVA=(--config-file "$CONF/nova/nova.conf")
NEUTRON=(--config-file "$CONF/neutron/neutron.conf" --config-file "$CONF/neutron/ml2_conf.ini")
CINDER=(--config-file "$CONF/cinder/cinder.conf")
migrate() {
  local database lanes=() lane
  for database in keystone placement nova_api nova_cell0 nova_cell1 glance cinder neutron; do
    sql -e "create database $database character set utf8mb3"
  done
  (
    manage keystone-manage "${KEYSTONE[@]}" db_sync
    manage keystone-manage "${KEYSTONE[@]}" bootstrap --bootstrap-password "$PASSWORD" --bootstrap-region-id "$REGION" \
      --bootstrap-public-url "http://127.0.0.1:$P_KEYSTONE/v3" --bootstrap-internal-url "http://127.0.0.1:$P_KEYSTONE/v3" \
      --bootstrap-admin-url "http://127.0.0.1:$P_KEYSTONE/v3"
    manage placement-manage --config-file "$CONF/placement/placement.conf" db sync
    manage nova-manage "${NOVA[@]}" api_db sync
    manage nova-manage "${NOVA[@]}" cell_v2 map_cell0 --database_connection "$DB_URL/nova_cell0"
    manage nova-manage "${NOVA[@]}" db sync
    manage nova-manage "${NOVA[@]}" cell_v2 create_cell --name cell1 --database_connection "$DB_URL/nova_cell1" \
      --transport-url "$AMQP_URL"
  ) &
  lanes+=($!)
  (
    manage neutron-db-manage "${NEUTRON[@]}" upgrade heads
    manage glance-manage --config-file "$CONF/glance/glance-api.conf" db_sync
    manage cinder-manage "${CINDER[@]}" db sync
  ) &
  lanes+=($!)
  for lane in "${lanes[@]}"; do wait "$lane" || exit 1; done
}
load() {
  local name edit=(-e "s#@STATE@#$STATE#g" -e "s#@VENV@#$VENV#g")
  for name in "${PORT_NAMES[@]}"; do edit+=(-e "s#@$name@#${!name}#g"); done
  xz -dc "$FROM" | LC_ALL=C sed "${edit[@]}" | sql || die "$FROM does not load; --empty builds a cloud without it"
}
if ! [ -e "$DATA/loaded" ]; then
  sql -e "create or replace user openstack@'127.0.0.1' identified by '$PASSWORD'; grant all on *.* to openstack@'127.0.0.1'"
  mkdir -p "$CONF"/keystone/{fernet,credential}
  chmod 700 "$CONF"/keystone/{fernet,credential} # Keystone warns otherwise
  for folder in fernet credential; do
    for key in 0 1; do # what keystone-manage fernet_setup writes, without its seconds of imports
      head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' >"$CONF/keystone/$folder/$key"
    done
  done
  for database in "${DATABASES[@]}"; do sql -e "drop database if exists $database"; done # an earlier run broke off
  if [ -n "$FROM" ]; then
    say "loading $(basename "$FROM")"
    load
  else
    say "migrations"
    migrate
    touch "$DATA/bootstrap"
  fi
  touch "$DATA/loaded"
fi

# The catalog names what runs; an exporter starts from there. What it does not know yet is new: --empty, or a new services/NAME.sh.
NEW=()
for name in "${EXTRAS[@]}"; do
  known=$(sql -N keystone -e "select count(*) from service where json_value(extra, '\$.name') = '$name'")
  runs=0
  [[ " ${CHOSEN[*]} " != *" $name "* ]] || runs=1
  if [ "$known" -gt 0 ]; then
    sql keystone -e "update service set enabled = $runs where json_value(extra, '\$.name') = '$name'"
  elif [ $runs = 1 ]; then
    NEW+=("$name")
  fi
done
for name in "${NEW[@]}"; do
  say "migrations of $name"
  if [[ " ${DATABASES[*]} " == *" $name "* ]]; then
    sql -e "drop database if exists $name; create database $name character set utf8mb3"
  fi
  "${name}_migrate"
done

# ---- services -----------------------------------------------------------------------------------------------------
api keystone "$P_KEYSTONE" keystone.wsgi.api:application
await keystone http_is "$P_KEYSTONE/v3" 200
if [ -e "$DATA/bootstrap" ] || [ ${#NEW[@]} -gt 0 ]; then
  say "catalog and users"
  catalog=()
  for name in "${NEW[@]}"; do
    entry=${name}_catalog
    catalog+=("${!entry}")
  done
  manage python "$HERE/py/bootstrap.py" "$STATE/clouds.yaml" \
    "placement placement http://127.0.0.1:$P_PLACEMENT" "nova compute http://127.0.0.1:$P_NOVA/v2.1" \
    "glance image http://127.0.0.1:$P_GLANCE" "cinder block-storage http://127.0.0.1:$P_CINDER/v3" \
    "cinderv3 volumev3 http://127.0.0.1:$P_CINDER/v3/%(project_id)s" "neutron network http://127.0.0.1:$P_NEUTRON" "${catalog[@]}"
  rm -f "$DATA/bootstrap"
fi
say "Placement, Nova, Neutron, Cinder, Glance"
await rabbitmq port_open "$P_AMQP"
api placement "$P_PLACEMENT" placement.wsgi.api:application
start nova-conductor "$VENV/bin/nova-conductor" "${NOVA[@]}"
for host in "${COMPUTES[@]}"; do
  alive "nova-$host" || end nova-computes 40 # one was killed: their parent forks them all again
done
# nova-compute gives up when it finds no Placement
await placement http_is "$P_PLACEMENT/" 200
start nova-computes "$VENV/bin/python" "$HERE/py/computes.py" "$RUN" "$LOGS" "$CONF/nova/nova.conf" "${COMPUTE_ARGS[@]}"
api nova-api "$P_NOVA" nova.wsgi.osapi_compute:application
start nova-scheduler "$VENV/bin/nova-scheduler" "${NOVA[@]}"
api neutron-api "$P_NEUTRON" neutron.wsgi.api:application
start neutron-rpc "$VENV/bin/neutron-rpc-server" "${NEUTRON[@]}"
start neutron-agents env FAKE_AGENT_HOSTS="${COMPUTES[*]}" "$VENV/bin/python" "$HERE/py/fake_agents.py" "${NEUTRON[@]}"
api cinder-api "$P_CINDER" cinder.wsgi.api:application "--config-file $CONF/cinder/cinder.conf"
start cinder-scheduler "$VENV/bin/cinder-scheduler" "${CINDER[@]}"
start cinder-volume "$VENV/bin/cinder-volume" "${CINDER[@]}"
api glance "$P_GLANCE" glance.wsgi.api:application
for name in "${CHOSEN[@]}"; do "${name}_start"; done
say "waiting for the APIs"
await nova-api http_is "$P_NOVA/" 200
await neutron-api http_is "$P_NEUTRON/" 200
await cinder-api http_is "$P_CINDER/" 300 # several versions: 300 is its healthy answer
await glance http_is "$P_GLANCE/" 300
for name in "${CHOSEN[@]}"; do "${name}_wait"; done
say "waiting until every service has reported in"
"$VENV/bin/python" "$HERE/py/ready.py" "$STATE/clouds.yaml" "${#COMPUTES[@]}" 9>&- ||
  die "not every service came up; see $LOGS"
say "ready: OS_CLIENT_CONFIG_FILE=$STATE/clouds.yaml OS_CLOUD=admin"
