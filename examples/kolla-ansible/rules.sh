#!/bin/sh
# Copies the rules to where kolla-ansible looks for them: files *.rules, and its own name of the job.
#
#   examples/kolla-ansible/rules.sh /etc/kolla/config/prometheus && kolla-ansible reconfigure -t prometheus
set -eu
[ $# -eq 1 ] || { echo "usage: $0 DIRECTORY" >&2; exit 2; }
rules=$(dirname "$0")/../../prometheus/rules
mkdir -p "$1"
for file in "$rules"/*.yml; do
  sed 's/job="stackcast"/job="openstack_exporter"/g' "$file" >"$1/stackcast-$(basename "$file" .yml).rules"
done
