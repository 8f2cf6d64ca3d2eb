#!/usr/bin/env bash
# dump.sh FILE.sql.xz   saves the running cloud; up.sh --fresh --from FILE.sql.xz starts from it.
# Addresses and paths of this run become @NAMES@, which up.sh fills in with its own.
set -euo pipefail
# shellcheck source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
OUT=${1:-}
[ -n "$OUT" ] || die "usage: dump.sh FILE.sql.xz"
alive mysqld || die "no cloud runs in $STATE; start it with $HERE/up.sh"
EDIT=(-e "s#$VENV/#@VENV@/#g" -e "s#$STATE/#@STATE@/#g")
for name in "${PORT_NAMES[@]}"; do EDIT+=(-e "s#127\.0\.0\.1:${!name}\b#127.0.0.1:@$name@#g"); done
mariadb-dump --no-defaults -S "$RUN/mysqld.sock" -uroot --single-transaction --skip-comments \
  --databases "${DATABASES[@]}" | LC_ALL=C sed "${EDIT[@]}" | xz -9 -c >"$OUT.part"
mv "$OUT.part" "$OUT"
ls -l "$OUT"
