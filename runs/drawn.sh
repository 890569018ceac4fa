#!/usr/bin/env bash
# A fourth round: nets that learnt how far lesions reach from drawn ones teach beside an earlier student.
# Three seeds and their controls at equal films and steps, judged on the tuning films (docs/experiments.md).
# Usage: runs/drawn.sh SHARED OUT [STUDENT.onnx [OPTIONS]], where SHARED holds data/ (see docs/results.md). JOBS=9 trains
# nine nets at once: on an H200 with 16 cores twenty such nets took five minutes, on two cores one takes hours. OPTIONS go
# to each net, a later option counts: --size 96 --through 96 --epochs 1 tries the recipe itself, on a few dozen films in
# minutes, with a STUDENT exported at that size (`tbspot export BEFORE.onnx --size 96`).
# The released student was made so from the one released before, which git has with its amendment
# (git show 6b39114:src/tbspot/released/tbspot-student.onnx); without STUDENT.onnx it begins with itself.
set -euo pipefail
shared=${1:?folder that holds data/} out=${2:?folder for the runs}
tbx11k="$shared/data/tbx11k" nih="$shared/data/nih/labels.csv"
shenzhen="$shared/data/shenzhen128/labels.csv"
student=${3:-$(dirname "$0")/../src/tbspot/released/tbspot-student.onnx}
shift $(($# < 3 ? $# : 3))
combine() { python "$(dirname "$0")/combine.py" "$@"; }
. "$(dirname "$0")/jobs.sh"

round=(--init "$student" --size 384 --through 256 --output-stride 16 --tuning-split none
    --label-sources paired --erase 0.3 --handling 0.3 --head-rate 5e-4)
taught=(--data "$tbx11k" --data "$nih" --data "$shenzhen" --epochs 3 --body-rate 3e-5
    --teacher "$student" --teacher-map refined --teacher-view clean --label-weight 1
    --score-weight 0.5 --map-target overlap --map-weight 2 --map-low 0.1 --map-high 0.7 "$@")
# Extents: of drawn lesions alone, without a teacher and without a film of TBX11K.
for seed in 1 2 3; do
    start tbspot train --data "$nih" --data "$shenzhen" "${round[@]}" --epochs 6 --body-rate 6e-5 \
        --draw-lesions 0.7 --drawn-weight 4 "$@" --seed "$seed" --name "extent-$seed" \
        --out "$out/extent-$seed"
done
finish
combine weights "$out/extent-mean" "$out"/extent-{1,2,3}/model.safetensors
extents=(--teacher "$out/extent-mean/model.safetensors")
for seed in 1 2 3; do
    start tbspot distill "${round[@]}" "${taught[@]}" "${extents[@]}" \
        --draw-lesions 0.5 --halves 0.6 --seed "$seed" --name "fourth-$seed" --out "$out/fourth-$seed"
    # Controls: without halves; without what drawn lesions taught; with neither and nothing drawn.
    start tbspot distill "${round[@]}" "${taught[@]}" "${extents[@]}" \
        --draw-lesions 0.5 --seed "$seed" --name "whole-$seed" --out "$out/whole-$seed"
    start tbspot distill "${round[@]}" "${taught[@]}" --draw-lesions 0.5 --halves 0.6 \
        --seed "$seed" --name "alone-$seed" --out "$out/alone-$seed"
    start tbspot distill "${round[@]}" "${taught[@]}" --seed "$seed" --name "undrawn-$seed" \
        --out "$out/undrawn-$seed"
done
finish
combine weights "$out/fourth-mean" "$out"/fourth-{1,2,3}/model.safetensors
# What is released: the same maps, and a score that cropping, letters and compression move less.
tbspot refit "$out/fourth-mean/model.safetensors" --data "$tbx11k" --data "$shenzhen" \
    --name tbspot-student --out "$out/refitted"
controls=()
for model in fourth-mean extent-mean {fourth,extent,whole,alone,undrawn}-{1,2,3}; do
    combine weights "$out/refined-$model" --refinement affinity "$out/$model/model.safetensors"
    tbspot locate --data "$tbx11k" --split tune --no-overlays --mirror \
        --model "$out/refined-$model/model.safetensors" --out "$out/found/$model"
    [ "$model" = fourth-mean ] || controls+=(--control "$model=$out/found/$model")
done
tbspot locate --data "$tbx11k" --split tune --no-overlays --model "$student" --out "$out/found/student"
tbspot evaluate "$out/found/fourth-mean" --teacher "$out/found/student" --data "$tbx11k" \
    --split tune "${controls[@]}" --out "$out/evaluation"
