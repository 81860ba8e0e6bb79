#!/usr/bin/env bash
# compiler.sh [--fetch]: prints the path of the pinned Bicep compiler (bicep-version, bicep-sha256).
# It takes the compiler that SHERIFF_BICEP names (in the agent's image, or from the organisation's feed).
# Otherwise it takes the one that the first stage of this run published, so that an agent without access
# to the internet needs none. If neither is there, --fetch downloads the release. Only the first stage
# passes --fetch.
set -euo pipefail
cd "$(dirname "$0")"

version="$(cat bicep-version)"
compiler="${SHERIFF_BICEP:-${PIPELINE_WORKSPACE:-/nowhere}/compiler/bicep}"
if [ "${1:-}" = --fetch ] && [ ! -f "$compiler" ]; then
  mkdir -p "$(dirname "$compiler")"
  curl --fail --silent --show-error --location --retry 3 --output "$compiler" \
    "https://github.com/Azure/bicep/releases/download/$version/bicep-linux-x64"
fi
if [ ! -f "$compiler" ]; then
  echo "compiler.sh: there is no Bicep compiler at $compiler; name $version with SHERIFF_BICEP" >&2
  exit 1
fi
if ! printf '%s  %s\n' "$(cat bicep-sha256)" "$compiler" | sha256sum --check --status; then
  echo "compiler.sh: $compiler is not Bicep $version: its SHA-256 is not that of bicep-sha256" >&2
  exit 1
fi
# An artifact of a pipeline does not keep the bit.
[ -x "$compiler" ] || chmod +x "$compiler"
printf '%s\n' "$compiler"
