#!/bin/sh
# Installs tbspot from this folder, without a network, into FOLDER (by default tbspot in one's home),
# and tries it. Usage: sh install.sh [FOLDER]. PYTHON names the interpreter, which must be @PYTHON@.
set -eu
into=${1:-$HOME/tbspot}
python=${PYTHON:-python@PYTHON@}
case $into in /*) ;; *) into=$PWD/$into ;; esac
cd "$(dirname "$0")"
if command -v sha256sum >/dev/null; then sums=sha256sum; else sums="shasum -a 256"; fi
$sums -c SHA256SUMS >/dev/null || { echo "this folder is not as it was made; copy it again" >&2; exit 1; }
[ "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = @PYTHON@ ] ||
    { echo "these wheels are for Python @PYTHON@; install it, or name it: PYTHON=... sh install.sh" >&2; exit 1; }
# pip from its own wheel, so that Debian's python3-venv is not needed; no settings of this machine.
"$python" -m venv --without-pip "$into"
pip=$(echo wheels/pip-*.whl)
PIP_CONFIG_FILE=/dev/null "$into/bin/python" "$pip/pip" --isolated install --quiet \
    --no-index --find-links wheels --require-hashes --requirement requirements.txt
"$into/bin/tbspot" selftest
echo "installed: $into/bin/tbspot"
