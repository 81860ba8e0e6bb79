#!/usr/bin/env bash
# python-of.sh ZIP FOLDER: makes a Python in FOLDER (FOLDER/bin/python) that imports the packages of a zip.
# It fetches nothing, because production's agent reaches no package index. It does not set PYTHONPATH,
# because az is written in Python and would inherit it.
set -euo pipefail
zip="${1:?which zip}"
folder="${2:?which folder}"

python -m venv --without-pip "$folder"
unzip -q "$zip" '.python_packages/*' -d "$folder"
site="$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
printf '%s\n' "$folder/.python_packages/lib/site-packages" > "$site/packages.pth"
