#!/usr/bin/env bash
# The job of one day: job.sh YYYY-MM-DD [ARGUMENTS of dbt build], such as --target postgres.
set -euo pipefail
cd "$(dirname "$0")"
day=${1:?name the day, such as 2016-11-01}
shift

# DuckDB reads the published files as they are; a server is given them once.
if [[ " $* " == *" --target postgres "* ]]; then
  python load_postgres.py --missing
fi
dbt deps --quiet
exec dbt build --vars "{today: '$day'}" "$@"
