#!/usr/bin/env bash
# From TBX11K as distributed (with its healthy and sick films) and Shenzhen to the table, on a GPU.
# The paper's recipe and ours, three seeds each, judged on the official validation films.
# Usage: runs/reproduce.sh TBX11K SHENZHEN128/labels.csv OUT
set -euo pipefail
tbx11k="${1:?folder of TBX11K}?lists=TBX11K" shenzhen=${2:?CSV of Shenzhen films} out=${3:?folder}
paper=(--data "$tbx11k" --init imagenet --size 512 --epochs 20 --tuning-split none)
small=(--size 256 --through 128 --output-stride 16 --tuning-split none)
mixed=(--data "$tbx11k" --data "$shenzhen" --output-stride 16 --tuning-split none
    --label-sources paired --erase 0.3 --head-rate 5e-4)
first=(--size 320 --through 128 --epochs 10) second=(--size 384 --through 256 --epochs 5)
ours=("${mixed[@]}" --teacher-view clean --label-weight 1 --score-weight 0.5
    --map-target overlap --map-weight 2 --map-low 0.1 --map-high 0.7)

# Ours: teachers that no source can mislead, of which two show each student where to look.
for seed in 1 2 3; do
    tbspot train --data "$shenzhen" --init imagenet "${small[@]}" --epochs 12 --seed "$seed" \
        --name teacher --out "$out/teacher-$seed"
done
for seed in 1 2 3; do
    # The paper's: teacher on TBX11K's labels, student on the teacher's softened scores.
    tbspot train "${paper[@]}" --seed "$seed" --name paper-teacher --out "$out/paper-teacher-$seed"
    for temperature in 2 4; do
        tbspot distill "${paper[@]}" --teacher "$out/paper-teacher-$seed/model.safetensors" \
            --temperature "$temperature" --label-weight 1 --seed "$seed" \
            --name "paper-student-T$temperature" --out "$out/paper-student-T$temperature-$seed"
    done
    # Controls at the same budget: no distillation, label smoothing, averaged weights.
    tbspot train "${paper[@]}" --label-smoothing 0.1 --seed "$seed" --name smoothed \
        --out "$out/smoothed-$seed"
    tbspot train "${paper[@]}" --average 0.999 --seed "$seed" --name averaged \
        --out "$out/averaged-$seed"
    # Three rounds: by two teachers' fused maps; by the first student's, larger and sharper; by the
    # refined maps of the mean of the second and of its control.
    tbspot distill "${ours[@]}" "${first[@]}" --teacher-map fused \
        --teacher "$out/teacher-$seed/model.safetensors" \
        --teacher "$out/teacher-$((seed % 3 + 1))/model.safetensors" \
        --init "$out/teacher-$seed/model.safetensors" --seed "$seed" --name student \
        --out "$out/student-$seed"
    tbspot distill "${ours[@]}" "${second[@]}" --teacher-map cam \
        --teacher "$out/student-$seed/model.safetensors" \
        --init "$out/student-$seed/model.safetensors" --seed "$seed" --name second \
        --out "$out/second-$seed"
    # Controls of the rounds: the same start, films, labels and steps without a teacher.
    tbspot train "${mixed[@]}" "${first[@]}" \
        --init "$out/teacher-$seed/model.safetensors" --seed "$seed" --name undistilled \
        --out "$out/undistilled-$seed"
    tbspot train "${mixed[@]}" "${second[@]}" \
        --init "$out/student-$seed/model.safetensors" --seed "$seed" --name second-undistilled \
        --out "$out/second-undistilled-$seed"
    python "$(dirname "$0")/combine.py" weights "$out/second-mean-$seed" \
        "$out"/{second,second-undistilled}-"$seed"/model.safetensors
    tbspot distill "${ours[@]}" "${second[@]}" --teacher-map refined \
        --teacher "$out/second-mean-$seed/model.safetensors" \
        --init "$out/second-mean-$seed/model.safetensors" --seed "$seed" --name third \
        --out "$out/unrefined-third-$seed"
    tbspot train "${mixed[@]}" "${second[@]}" \
        --init "$out/second-mean-$seed/model.safetensors" --seed "$seed" \
        --name third-undistilled --out "$out/unrefined-third-undistilled-$seed"
    for model in third third-undistilled; do
        python "$(dirname "$0")/combine.py" weights "$out/$model-$seed" --refinement affinity \
            "$out/unrefined-$model-$seed/model.safetensors"
    done
    for model in paper-teacher paper-student-T2 paper-student-T4 smoothed averaged teacher undistilled \
        student second-undistilled second third-undistilled third; do
        tbspot locate --data "$tbx11k" --split val --mirror --no-overlays \
            --model "$out/$model-$seed/model.safetensors" --out "$out/found/$model-$seed"
    done
    tbspot evaluate "$out/found/third-$seed" --teacher "$out/found/teacher-$seed" \
        --control "first round=$out/found/student-$seed" \
        --control "second round=$out/found/second-$seed" \
        --control "paper teacher=$out/found/paper-teacher-$seed" \
        --control "paper student, T 2=$out/found/paper-student-T2-$seed" \
        --control "paper student, T 4=$out/found/paper-student-T4-$seed" \
        --control "label smoothing=$out/found/smoothed-$seed" \
        --control "averaged weights=$out/found/averaged-$seed" \
        --control "no distillation=$out/found/undistilled-$seed" \
        --control "no distillation in round two=$out/found/second-undistilled-$seed" \
        --control "no distillation in round three=$out/found/third-undistilled-$seed" \
        --data "$tbx11k" --split val --out "$out/evaluation-$seed"
    tbspot report "$out/evaluation-$seed" --out "$out/report-$seed.html"
done
