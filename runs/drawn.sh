#!/usr/bin/env bash
# A fourth round from the released student: lesions drawn into films of NIH say how far one reaches.
# Three seeds and two controls of equal budget, judged on the tuning films (docs/experiments.md).
# Usage: runs/drawn.sh SHARED OUT, where SHARED holds data/ (see docs/results.md).
set -euo pipefail
shared=${1:?folder that holds data/} out=${2:?folder for the runs}
tbx11k="$shared/data/tbx11k" nih="$shared/data/nih/labels.csv"
shenzhen="$shared/data/shenzhen128/labels.csv"
released=$(dirname "$0")/../src/tbspot/released/tbspot-student.onnx
combine() { python "$(dirname "$0")/combine.py" "$@"; }

round=(--data "$tbx11k" --data "$nih" --data "$shenzhen" --init "$released" --size 384 --through 256
    --output-stride 16 --tuning-split none --label-sources paired --erase 0.3 --handling 0.2
    --head-rate 5e-4 --body-rate 3e-5 --epochs 4)
drawn=(--draw-lesions 0.5 --drawn-weight 2)
taught=(--teacher "$released" --teacher-map refined --teacher-view clean --label-weight 1
    --score-weight 0.5 --map-target overlap --map-weight 2 --map-low 0.1 --map-high 0.7)
for seed in 1 2 3; do
    tbspot distill "${round[@]}" "${drawn[@]}" "${taught[@]}" --seed "$seed" --name "fourth-$seed" \
        --out "$out/fourth-$seed"
    # Controls: nothing drawn; no teacher.
    tbspot distill "${round[@]}" "${taught[@]}" --seed "$seed" --name "undrawn-$seed" \
        --out "$out/undrawn-$seed"
    tbspot train "${round[@]}" "${drawn[@]}" --seed "$seed" --name "undistilled-$seed" \
        --out "$out/undistilled-$seed"
done
combine weights "$out/fourth-mean" "$out"/fourth-{1,2,3}/model.safetensors
models=(fourth-mean {fourth,undrawn,undistilled}-{1,2,3})
for model in "${models[@]}"; do
    combine weights "$out/refined-$model" --refinement affinity "$out/$model/model.safetensors"
    tbspot locate --data "$tbx11k" --split tune --no-overlays --mirror \
        --model "$out/refined-$model/model.safetensors" --out "$out/found/$model"
done
tbspot locate --data "$tbx11k" --split tune --no-overlays --out "$out/found/released"
controls=()
for model in {fourth,undrawn,undistilled}-{1,2,3}; do
    controls+=(--control "$model=$out/found/$model")
done
tbspot evaluate "$out/found/fourth-mean" --teacher "$out/found/released" --data "$tbx11k" \
    --split tune "${controls[@]}" --out "$out/evaluation"
