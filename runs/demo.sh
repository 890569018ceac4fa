#!/bin/sh
# The whole way on drawn films: data, teacher, student, heat maps and boxes, figures, report.
# On two cores 5 minutes with bfloat16, up to 20 with AVX2 alone. Usage: sh runs/demo.sh [FOLDER];
# FILMS, SIZE and EPOCHS may be set to try less or more. Called again, it goes on where it was
# interrupted.
set -eu
out=${1:-demo}
films=$out/films size=${SIZE:-128} epochs=${EPOCHS:-10}
set -- --data "$films" --size "$size" --output-stride 16  # of both trainings

tbspot draw "$films" --count "${FILMS:-360}" --size "$size"

# The teacher sees image labels only. No weights are downloaded, so it starts from random ones.
tbspot train "$@" --init random --epochs "$epochs" \
    --body-rate 1e-3 --head-rate 1e-3 --out "$out/teacher"
tbspot distill "$@" --teacher "$out/teacher/model.safetensors" \
    --init "$out/teacher/model.safetensors" --frozen-stages 0 --epochs 4 \
    --teacher-view clean --teacher-map fused --map-target overlap --map-weight 2 \
    --map-low 0.1 --map-high 0.7 \
    --score-weight 0.25 --label-weight 0.5 --body-rate 1e-4 --head-rate 1e-3 --out "$out/student"

for model in teacher student; do
    for split in train val; do
        tbspot locate --data "$films" --split $split --no-overlays \
            --model "$out/$model/model.safetensors" --out "$out/found/$model-$split"
    done
done
# Boxes were no part of training, so those of the training films may choose the map's threshold.
tbspot evaluate "$out/found/student-val" --data "$films" --split val \
    --teacher "$out/found/teacher-val" \
    --tuning-split train --tuning "$out/found/student-train" \
    --tuning "teacher=$out/found/teacher-train" --out "$out"
tbspot report "$out" --data "$films" --out "$out/report.html"
