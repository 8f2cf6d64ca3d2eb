#!/usr/bin/env bash
# Prints what an exporter must show for the running cloud: the rows of truth/, family <TAB> labels (JSON) <TAB> value.
set -euo pipefail
# shellcheck source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
alive mysqld || die "no cloud runs in $STATE; start it with $HERE/up.sh"
# --raw: the JSON escapes tabs and newlines itself; the client would escape its backslashes a second time
query() { sql --default-character-set=utf8mb4 --batch --raw --skip-column-names "$@"; }
for name in nova neutron cinder glance $(chosen); do
  if [ "$name" = swift ]; then # not in a database that this client reads
    "$VENV/bin/python" "$HERE/truth/swift.py" "$DATA/swift" "$(query keystone -e "select id from project where name = 'admin'")"
  else
    query <"$HERE/truth/$name.sql"
  fi
done
