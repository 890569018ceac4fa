#!/usr/bin/env bash
# A small student of the released one: its first three stages, 320 pixels, no mirror image.
# Judged beside it on the tuning films (docs/experiments.md).
# Usage: runs/small.sh SHARED OUT [EPOCHS], where SHARED holds data/ (see docs/results.md).
set -euo pipefail
shared=${1:?folder that holds data/} out=${2:?folder for the runs} epochs=${3:-4}
tbx11k="$shared/data/tbx11k" shenzhen="$shared/data/shenzhen128/labels.csv"
released=$(dirname "$0")/../src/tbspot/released/tbspot-student.onnx

# Half of NIH's films, those without a finding: the hours go by the number of films.
mkdir -p "$out/nih"
cp -r "$shared/data/nih/films" "$out/nih/"
grep -v ',pneumonia' "$shared/data/nih/labels.csv" > "$out/nih/labels.csv"

tbspot distill --data "$tbx11k" --data "$out/nih/labels.csv" --data "$shenzhen" \
    --init "$released" --teacher "$released" --stages 3 --output-stride 16 --size 320 \
    --through 256 --tuning-split none --erase 0.3 --handling 0.2 --head-rate 3e-3 \
    --body-rate 1e-4 --teacher-map refined --teacher-view clean --score-weight 1 \
    --map-target overlap --map-weight 2 --map-low 0.1 --map-high 0.7 --epochs "$epochs" \
    --seed 1 --name small --out "$out/small"
python "$(dirname "$0")/combine.py" weights "$out/refined" --refinement affinity \
    "$out/small/model.safetensors"
tbspot locate --data "$tbx11k" --split tune --no-overlays --no-mirror \
    --model "$out/refined/model.safetensors" --out "$out/found/small"
tbspot locate --data "$tbx11k" --split tune --no-overlays --mirror --out "$out/found/released"
tbspot evaluate "$out/found/small" --teacher "$out/found/released" --data "$tbx11k" --split tune \
    --out "$out/evaluation"
