#!/usr/bin/env bash
# changes.sh FILE: tells in Markdown what a change does to the committed snapshots: from where its branch
# left main, or on main from the commit before. Needs the whole history.
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
