#!/bin/sh
# The whole way on drawn films: data, teacher, student, heat maps and boxes, figures, report.
# About five minutes on two cores. Usage: sh runs/demo.sh [FOLDER]; FILMS, SIZE and EPOCHS may be
# set to try less or more. Called again, it goes on where it was interrupted.
set -eu
out=${1:-demo}
films=$out/films size=${SIZE:-128} epochs=${EPOCHS:-12}
shared="--data $films --size $size --output-stride 16"

tbspot draw "$films" --count "${FILMS:-360}" --size "$size"

# The teacher sees image labels only. No weights are downloaded, so it starts from random ones.
tbspot train $shared --init random --epochs "$epochs" \
    --body-rate 1e-3 --head-rate 1e-3 --out "$out/teacher"
tbspot distill $shared --teacher "$out/teacher/model.safetensors" \
    --init "$out/teacher/model.safetensors" --frozen-stages 0 --epochs "$epochs" \
    --teacher-view clean --map-weight 1 --map-low 0.2 --map-high 0.8 --label-weight 1 \
    --body-rate 1e-4 --out "$out/student"

for model in teacher student; do
    tbspot locate --data "$films" --split val --model "$out/$model/model.safetensors" \
        --out "$out/found/$model"
done
tbspot locate --data "$films" --split train --model "$out/student/model.safetensors" \
    --no-overlays --out "$out/found/training"
tbspot evaluate "$out/found/student" --data "$films" --split val \
    --teacher "$out/found/teacher" --training "$out/found/training" --out "$out"
tbspot report "$out" --data "$films" --out "$out/report.html"
