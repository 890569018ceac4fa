#!/usr/bin/env bash
# Students at 256 pixels and without a mirror image, taught by the released one: 4.5 times less work.
# Three seeds, each beside its control (the same start, films, image labels and steps, no teacher)
# and beside the released one as it is and at 256 pixels untaught, on the tuning films (docs/experiments.md).
# Usage: runs/small.sh SHARED OUT [OPTIONS], where SHARED holds data/ (see docs/results.md); JOBS=2
# trains two nets at once. OPTIONS go to each net, a later option counts: --stages 3 --size 320 for
# the other way to less work, which was not run.
set -euo pipefail
shared=${1:?folder that holds data/} out=${2:?folder for the runs}
shift 2
tbx11k="$shared/data/tbx11k" nih="$out/nih" shenzhen="$out/shenzhen"
released=$(dirname "$0")/../src/tbspot/released/tbspot-student.onnx
. "$(dirname "$0")/jobs.sh"

# Hours go by the number of films: of NIH's without finding a quarter, of Shenzhen's a third.
mkdir -p "$out"
[ -d "$nih" ] || cp -r "$shared/data/nih" "$nih"
[ -d "$shenzhen" ] || cp -r "$shared/data/shenzhen128" "$shenzhen"
awk -F, '{ sub(/\r$/, "") } NR == 1 || ($5 == "no finding" && n++ % 4 == 0)' "$shared/data/nih/labels.csv" \
    > "$nih/some.csv"
awk -F, '{ sub(/\r$/, "") } NR == 1 || ($5 != "test" && n++ % 3 == 0)' "$shared/data/shenzhen128/labels.csv" \
    > "$shenzhen/some.csv"

net=(--data "$tbx11k" --data "$nih/some.csv" --data "$shenzhen/some.csv" --init "$released"
    --output-stride 16 --size 256 --through 256 --tuning-split none --label-sources paired
    --erase 0.3 --handling 0.2 --head-rate 5e-4 --body-rate 3e-5 --epochs 2 "$@")
taught=(--teacher "$released" --teacher-map refined --teacher-view clean --label-weight 1
    --score-weight 0.5 --map-target overlap --map-weight 2 --map-low 0.1 --map-high 0.7)
for seed in 1 2 3; do
    start tbspot train "${net[@]}" --seed "$seed" --name "control-$seed" --out "$out/control-$seed"
    start tbspot distill "${net[@]}" "${taught[@]}" --seed "$seed" --name "small-$seed" \
        --out "$out/small-$seed"
done
finish
film="$shared/data/nih/films/00001280_004.jpg"
models=(untaught)
tbspot export "$released" --size 256 --no-mirror --name untaught --out "$out/untaught.onnx" \
    --films "$film"
for model in {small,control}-{1,2,3}; do
    python "$(dirname "$0")/combine.py" weights "$out/refined-$model" --refinement affinity \
        "$out/$model/model.safetensors"
    tbspot export "$out/refined-$model/model.safetensors" --name "$model" --films "$film" \
        --out "$out/$model.onnx"
    models+=("$model")
done
for model in "${models[@]}"; do
    tbspot locate --data "$tbx11k" --split tune --no-overlays --no-mirror --map-rule otsu \
        --model "$out/$model.onnx" --out "$out/found/$model"
done
tbspot locate --data "$tbx11k" --split tune --no-overlays --mirror --out "$out/found/released"
# By Otsu's threshold, which no film chose; each seed against its own control.
for seed in 1 2 3; do
    tbspot evaluate "$out/found/small-$seed" --teacher "$out/found/control-$seed" --data "$tbx11k" \
        --control "untaught=$out/found/untaught" --control "released=$out/found/released" \
        --split tune --out "$out/evaluation-$seed"
done
