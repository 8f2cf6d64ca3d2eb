# Settings and process bookkeeping shared by the scripts beside it. Source it.
# shellcheck shell=bash disable=SC2034  # most names are used by the scripts that source this
#
# Each STACKCAST_OS_* value can be preset in the environment.
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
: "${STACKCAST_OS_STATE:=${TMPDIR:-/tmp}/stackcast-openstack}" # everything that changes lives below this folder
: "${STACKCAST_OS_VENV:=$STACKCAST_OS_STATE/venv}"             # elsewhere: down.sh leaves it for the next run
: "${STACKCAST_OS_OFFSET:=10000}"                              # added to the usual port numbers
STATE=${STACKCAST_OS_STATE%/}
VENV=${STACKCAST_OS_VENV%/}
CONF=$STATE/etc LOGS=$STATE/log RUN=$STATE/run DATA=$STATE/data

# Part of the saved dump (the users' password hashes, the hosts that it knows), so no settings.
PASSWORD=stackcast # of every user, the databases and RabbitMQ; all of it listens on 127.0.0.1 only
REGION=RegionOne
COMPUTES=(compute-01 compute-02 compute-03 compute-04)

port() { echo $(($1 + STACKCAST_OS_OFFSET)); }
P_KEYSTONE=$(port 5000) P_NOVA=$(port 8774) P_PLACEMENT=$(port 8778) P_GLANCE=$(port 9292)
P_CINDER=$(port 8776) P_NEUTRON=$(port 9696)
P_MYSQL=$(port 3306) P_AMQP=$(port 5672) P_MEMCACHE=$(port 11211) P_EPMD=$(port 4369) P_ERLDIST=$(port 25672)
PORT_NAMES=(P_KEYSTONE P_NOVA P_PLACEMENT P_GLANCE P_CINDER P_NEUTRON P_MYSQL P_AMQP P_MEMCACHE)
DATABASES=(keystone placement nova_api nova_cell0 nova_cell1 glance cinder neutron)
AMQP_URL="rabbit://openstack:$PASSWORD@127.0.0.1:$P_AMQP//"
DB_URL="mysql+pymysql://openstack:$PASSWORD@127.0.0.1:$P_MYSQL"

# Services that can be left out: services/NAME.sh defines P_NAME, NAME_catalog, and NAME_configure, _migrate, _start, _wait for up.sh.
EXTRAS=(heat designate ironic octavia manila swift magnum trove gnocchi)
for extra in "${EXTRAS[@]}"; do
  # shellcheck source=/dev/null
  . "$HERE/services/$extra.sh"
  PORT_NAMES+=("P_${extra^^}")
  [ "$extra" = swift ] || DATABASES+=("$extra") # Swift keeps its own files
done
PORT_NAMES+=(P_SWIFT_OBJECT P_SWIFT_CONTAINER P_SWIFT_ACCOUNT)
# shellcheck disable=SC2207  # names without blanks
chosen() { # the extra services of this cloud
  [ -e "$CONF/services" ] || { echo "${EXTRAS[@]}"; return; }
  cat "$CONF/services"
}

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

sql() { mariadb --no-defaults -S "$RUN/mysqld.sock" -uroot "$@"; } # root has no password here, whoever runs it

# A pid file holds "PID STARTTIME": a pid counts as ours only while its start time (clock ticks, /proc/PID/stat) is
# the same. The environment of a process is no mark to go by: setproctitle overwrites it.
started() { # PID   its start time; fails when it is gone or only waits to be reaped
  local stat fields
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  read -r -a fields <<<"${stat##*) }"
  [ "${fields[0]}" != Z ] && echo "${fields[19]}"
}

alive() { # NAME
  local pid start
  [ -s "$RUN/$1.pid" ] && read -r pid start <"$RUN/$1.pid" && [ -n "$start" ] && [ "$(started "$pid")" = "$start" ]
}

end() { # NAME TENTHS   TERM to the process group that the pid leads, KILL after so many tenths of a second
  local pid i
  if alive "$1"; then
    read -r pid _ <"$RUN/$1.pid"
    # a frozen process (fault.sh stop) takes no TERM
    kill -CONT -- "-$pid" 2>/dev/null || true
    kill -TERM -- "-$pid" 2>/dev/null || true
    for ((i = 0; i < $2; i++)); do
      alive "$1" || break
      sleep 0.1
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
  fi
  rm -f "$RUN/$1.pid"
}
