#!/usr/bin/env bash
# Prints what an exporter must show for the running cloud: the rows of truth/, family <TAB> labels (JSON) <TAB> value.
set -euo pipefail
# shellcheck source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
alive mysqld || die "no cloud runs in $STATE; start it with $HERE/up.sh"
for file in "$HERE"/truth/*.sql; do
  # --raw: the JSON escapes tabs and newlines itself; the client would escape its backslashes a second time
  sql --default-character-set=utf8mb4 --batch --raw --skip-column-names <"$file"
done
