#!/usr/bin/env bash
# change.sh ARGUMENT ...: runs az with these arguments. If SHERIFF_DRY_RUN is set, it only prints the call,
# with the contents of the files among the arguments, and answers NEW in place of an id.
set -euo pipefail
if [ -z "${SHERIFF_DRY_RUN:-}" ]; then exec az "$@"; fi

printf 'would run: az' >&2
printf ' %q' "$@" >&2
printf '\n' >&2
for argument in "$@"; do
  file="${argument#@}"
  if [ -f "$file" ]; then printf '  with %s\n' "$(tr '\n' ' ' < "$file")" >&2; fi
done
case " $* " in *" --output none "*) ;; *) echo NEW ;; esac
