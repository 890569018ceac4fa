#!/usr/bin/env bash
# A release one can trust: sdist and wheel, checked; built a second time from the sdist alone, in a
# folder without git, to the same bytes; the wheel installed into a fresh environment outside the
# checkout and used there. Only what passed lands in FOLDER. About a minute on two cores.
# Usage: bash runs/dist.sh [FOLDER]. PYTHON names the interpreter that has the extra `release`.
set -euo pipefail
python=${PYTHON:-python}
out=$(realpath -m "${1:-dist}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Without a date of one's own hatchling gives every file the same.
unset SOURCE_DATE_EPOCH PYTHONPATH

build() {
    "$python" -m build --installer uv --outdir "$2" "$1" >"$scratch/log" 2>&1 || {
        cat "$scratch/log" >&2
        return 1
    }
}

if [[ -e .git ]] && [[ -n $(git status --porcelain) ]]; then
    echo "note: this holds changes that are not committed"
fi
build . "$scratch/dist"
"$python" -m twine check --strict "$scratch"/dist/*

mkdir "$scratch/unpacked"
tar -xzf "$scratch"/dist/*.tar.gz -C "$scratch/unpacked" --strip-components 1
(umask 077 && TZ=Asia/Dhaka build "$scratch/unpacked" "$scratch/again")
for file in "$scratch"/dist/*; do cmp "$file" "$scratch/again/${file##*/}"; done
echo "built twice, the second time from the sdist without git: the same bytes"

fresh=$scratch/fresh
"$python" -m uv venv --quiet --python "$python" "$fresh"
"$python" -m uv pip install --quiet --python "$fresh/bin/python" "$scratch"/dist/*.whl
"$python" -m uv pip check --python "$fresh/bin/python"
cd "$scratch"
"$fresh/bin/tbspot" --version
"$fresh/bin/tbspot" selftest
"$fresh/bin/tbspot" locate --example --out shown

mkdir -p "$out"
mv "$scratch"/dist/* "$out"
(cd "$out" && sha256sum tbspot-*)
