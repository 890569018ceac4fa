#!/usr/bin/env bash
# A student at 256 pixels and without a mirror image, taught by the released one: 4.5 times less work.
# Judged beside it, and beside it at 256 pixels untaught, on the tuning films (docs/experiments.md).
# Usage: runs/small.sh SHARED OUT [OPTIONS of distill], where SHARED holds data/ (see docs/results.md);
# a later option counts: --stages 3 --size 320 for the other way to less work, which was not run.
set -euo pipefail
shared=${1:?folder that holds data/} out=${2:?folder for the runs}
shift 2
tbx11k="$shared/data/tbx11k" nih="$out/nih" shenzhen="$out/shenzhen"
released=$(dirname "$0")/../src/tbspot/released/tbspot-student.onnx

# Hours go by the number of films: of NIH's without finding a quarter, of Shenzhen's a third.
mkdir -p "$out"
cp -r "$shared/data/nih" "$nih"
cp -r "$shared/data/shenzhen128" "$shenzhen"
awk -F, '{ sub(/\r$/, "") } NR == 1 || ($5 == "no finding" && n++ % 4 == 0)' "$shared/data/nih/labels.csv" \
    > "$nih/some.csv"
awk -F, '{ sub(/\r$/, "") } NR == 1 || ($5 != "test" && n++ % 3 == 0)' "$shared/data/shenzhen128/labels.csv" \
    > "$shenzhen/some.csv"

tbspot distill --data "$tbx11k" --data "$nih/some.csv" --data "$shenzhen/some.csv" \
    --init "$released" --teacher "$released" --output-stride 16 --size 256 --through 256 \
    --tuning-split none --erase 0.3 --handling 0.2 --head-rate 5e-4 --body-rate 3e-5 \
    --teacher-map refined --teacher-view clean --score-weight 1 --map-target overlap \
    --map-weight 2 --map-low 0.1 --map-high 0.7 --epochs 2 --seed 1 --name small \
    --out "$out/small" "$@"
python "$(dirname "$0")/combine.py" weights "$out/refined" --refinement affinity \
    "$out/small/model.safetensors"
cut=(--map-rule tuned --map-threshold 0.35 --map-note "as the teacher's")
film="$shared/data/nih/films/00001280_004.jpg"
tbspot export "$out/refined/model.safetensors" --out "$out/small.onnx" --name small "${cut[@]}" \
    --films "$film"
tbspot export "$released" --size 256 --no-mirror --name untaught --out "$out/untaught.onnx" \
    --films "$film"
for model in small untaught; do
    tbspot locate --data "$tbx11k" --split tune --no-overlays --no-mirror \
        --model "$out/$model.onnx" --out "$out/found/$model"
done
tbspot locate --data "$tbx11k" --split tune --no-overlays --mirror --out "$out/found/released"
tbspot evaluate "$out/found/small" --teacher "$out/found/released" --data "$tbx11k" \
    --control "untaught=$out/found/untaught" --split tune --out "$out/evaluation"
