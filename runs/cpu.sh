#!/usr/bin/env bash
# What was run on 2 cores for docs/results.md: a teacher on same-source pairs, then two students.
# Usage: runs/cpu.sh SHARED OUT, where SHARED holds data/ and weights/ (see docs/results.md).
set -euo pipefail
shared=${1:?folder that holds data/ and weights/} out=${2:?folder for the runs}
imagenet="$shared/weights/resnet50_imagenet_fp16.safetensors"
shenzhen="$shared/data/shenzhen128/labels.csv" tbx11k="$shared/data/tbx11k"
net=(--size 256 --through 128 --output-stride 16 --tuning-split none --seed 1)

# Teacher: TB against not TB within Shenzhen and Montgomery, image labels only.
tbspot train --data "$shenzhen" --init "$imagenet" "${net[@]}" --epochs 12 \
    --name teacher-1 --out "$out/teacher-1"

# Students: the teacher's maps on TBX11K, image labels only where the source cannot tell.
student=("${net[@]}" --data "$tbx11k" --data "$shenzhen" --init "$out/teacher-1/model.safetensors"
    --teacher "$out/teacher-1/model.safetensors" --teacher-view clean --label-sources paired
    --label-weight 1 --score-weight 0.5 --erase 0.3)
tbspot distill "${student[@]}" --pooling lse --map-weight 3 --map-low 0.25 --map-high 0.75 \
    --epochs 6 --name student-1 --out "$out/student-1"
tbspot distill "${student[@]}" --teacher "$out/student-1/model.safetensors" \
    --pooling mean --map-target overlap --map-weight 2 --map-low 0.15 --map-high 0.75 \
    --epochs 4 --head-rate 5e-4 --name tbspot-student --out "$out/student-2"

# Judged on the tuning films; box-free rules only, as their boxes would have to tune the others.
for model in teacher-1 student-1 student-2; do
    for split in tune train; do
        tbspot locate --data "$tbx11k" --split "$split" --no-overlays \
            --model "$out/$model/model.safetensors" --out "$out/found/$model-$split"
    done
done
for model in student-1 student-2; do
    tbspot evaluate "$out/found/$model-tune" --teacher "$out/found/teacher-1-tune" \
        --training "$out/found/$model-train" --data "$tbx11k" --split tune \
        --out "$out/evaluation/$model"
done
