#!/usr/bin/env bash
# changes.sh FILE: writes, in Markdown, how the committed snapshots differ from earlier ones. On a branch
# it compares with the commit at which the branch left main, on main with the commit before. It needs the
# whole history.
set -euo pipefail
cd "$(dirname "$0")/../.."
report="${1:?which file}"

base="$(git merge-base HEAD origin/main)"
if [ "$base" = "$(git rev-parse HEAD)" ]; then base="$(git rev-parse HEAD^)"; fi
before="$(mktemp -d)"
trap 'rm -rf "$before"' EXIT
git archive "$base" infra/environments | tar --extract --directory "$before"

mkdir -p "$(dirname "$report")"
python3 infra/pipelines/snapshots.py "$before/infra/environments" infra/environments > "$report"
echo "##vso[task.uploadsummary]$report"
