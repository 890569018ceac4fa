#!/usr/bin/env bash
# Whether the lower bounds in pyproject.toml are true: installs the lowest version that it allows of
# everything it names, into an environment of its own, and runs the fast tests there. By hand before a
# release: it takes long. Torch's bound is not tested: it is the build that PYTHON has, as pip was told
# to find it, since earlier ones bring gigabytes of CUDA.
# Usage: bash runs/lowest.sh [PYTEST'S ARGUMENTS]. PYTHON names an interpreter with all extras.
set -euo pipefail
python=${PYTHON:-python}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
there=$scratch/lowest/bin/python
torch=$("$python" -c 'from importlib.metadata import version; print(version("torch"))')
found=()
for place in ${PIP_FIND_LINKS:-}; do found+=(--find-links "$place"); done
for place in ${PIP_EXTRA_INDEX_URL:-}; do found+=(--extra-index-url "$place"); done

"$python" -m uv venv --quiet --python "$python" "$scratch/lowest"
"$python" -m uv pip install --quiet --python "$there" --resolution lowest-direct "${found[@]}" \
    --requirements pyproject.toml --all-extras "torch==$torch"
"$python" -m uv pip install --quiet --python "$there" --no-deps --editable .
"$python" -m uv pip list --quiet --python "$there"
# Old packages beside new ones warn of each other; here that is no fault.
fast='not slow and not attack and not oracle and not browser and not real and not hospital'
"$there" -m pytest -q -o filterwarnings=default --disable-warnings -p no:cacheprovider -m "$fast" "$@"
