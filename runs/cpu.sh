#!/usr/bin/env bash
# What was run on 2 cores for docs/results.md: teachers on same-source pairs, then the students.
# Usage: runs/cpu.sh SHARED OUT, where SHARED holds data/ and weights/ (see docs/results.md).
set -euo pipefail
shared=${1:?folder that holds data/ and weights/} out=${2:?folder for the runs}
imagenet="$shared/weights/resnet50_imagenet_fp16.safetensors"
shenzhen="$shared/data/shenzhen128/labels.csv" tbx11k="$shared/data/tbx11k"
net=(--size 256 --through 128 --output-stride 16 --tuning-split none)

# Teachers: TB against not TB within Shenzhen and Montgomery, image labels only.
for seed in 1 2; do
    tbspot train --data "$shenzhen" --init "$imagenet" "${net[@]}" --epochs 12 \
        --seed "$seed" --name "teacher-$seed" --out "$out/teacher-$seed"
done

# First student: the maps of one teacher on TBX11K, image labels where the source cannot tell.
student=("${net[@]}" --data "$tbx11k" --data "$shenzhen" --pooling lse --teacher-view clean
    --map-weight 3 --map-low 0.25 --map-high 0.75 --label-sources paired --label-weight 1
    --score-weight 0.5 --erase 0.3)
tbspot distill --teacher "$out/teacher-1/model.safetensors" "${student[@]}" --epochs 6 --seed 1 \
    --init "$out/teacher-1/model.safetensors" --name student-1 --out "$out/student-1"
