#!/usr/bin/env bash
# What was run on 2 cores for docs/results.md: teachers on same-source pairs, a student, its control.
# Usage: runs/cpu.sh SHARED OUT, where SHARED holds data/ and weights/ (see docs/results.md).
set -euo pipefail
shared=${1:?folder that holds data/ and weights/} out=${2:?folder for the runs}
imagenet="$shared/weights/resnet50_imagenet_fp16.safetensors"
shenzhen="$shared/data/shenzhen128/labels.csv" tbx11k="$shared/data/tbx11k"
nih="$shared/data/nih/labels.csv"
net=(--size 256 --through 128 --output-stride 16 --tuning-split none)
combine() { python "$(dirname "$0")/combine.py" "$@"; }

# Teachers: TB against not TB within Shenzhen and Montgomery, image labels only.
for seed in 1 2 3; do
    tbspot train --data "$shenzhen" --init "$imagenet" "${net[@]}" --seed "$seed" --epochs 12 \
        --name "teacher-$seed" --out "$out/teacher-$seed"
done
# Control: ImageNet's features as they are, only the head is trained.
tbspot train --data "$shenzhen" --init "$imagenet" "${net[@]}" --seed 1 --epochs 8 \
    --frozen-stages 4 --name linear --out "$out/linear"

# Students: two teachers' fused maps on TBX11K, larger; image labels only where the source cannot
# tell. One thread a process: seed 1 had two processes that share a batch, the others a core each.
export OMP_NUM_THREADS=1
mixed=(--data "$tbx11k" --data "$shenzhen" --output-stride 16 --tuning-split none
    --label-sources paired --erase 0.3 --head-rate 5e-4)
blurred=(--size 320 --through 128)
large=("${mixed[@]}" "${blurred[@]}" --epochs 10)
scores=(--teacher-view clean --label-weight 1 --score-weight 0.5)
maps=(--map-target overlap --map-weight 2 --map-low 0.1 --map-high 0.7)
taught=(--teacher "$out/teacher-1/model.safetensors" --teacher "$out/teacher-2/model.safetensors"
    --teacher-map fused "${scores[@]}" "${maps[@]}")
begin() { echo --init "$out/teacher-$1/model.safetensors"; }
tbspot distill "${large[@]}" "${taught[@]}" $(begin 2) --seed 1 --devices 2 --name student-1 \
    --out "$out/student-1"
tbspot distill "${large[@]}" "${taught[@]}" $(begin 1) --seed 2 --devices 1 --name student-2 \
    --out "$out/student-2" &
tbspot distill "${large[@]}" "${taught[@]}" $(begin 2) --seed 3 --devices 1 --name student-3 \
    --out "$out/student-3" &
wait
combine weights "$out/averaged" "$out"/student-{1,2,3}/model.safetensors
# Second round: the first student's maps teach the next one, which sees films larger and sharper.
short=("${mixed[@]}" --epochs 5 --devices 1)
again=("${short[@]}" --init "$out/student-1/model.safetensors")
sharper=(--size 384 --through 256)
student=(--teacher "$out/student-1/model.safetensors" --teacher-map cam "${scores[@]}")
for seed in 1 2 3; do
    tbspot distill "${again[@]}" "${sharper[@]}" "${student[@]}" "${maps[@]}" --seed "$seed" \
        --name "second-$seed" --out "$out/second-$seed"
done
# Its controls: at the first one's size and sharpness; by scores alone; without a teacher.
tbspot distill "${again[@]}" "${blurred[@]}" "${student[@]}" "${maps[@]}" --seed 1 \
    --name second-blurred --out "$out/second-blurred"
tbspot distill "${again[@]}" "${sharper[@]}" "${student[@]}" --seed 1 \
    --name second-scores --out "$out/second-scores"
tbspot train "${again[@]}" "${sharper[@]}" --seed 1 \
    --name second-undistilled --out "$out/second-undistilled"
# Third round: the mean of a net taught by maps and one by labels, its maps refined, teaches.
combine weights "$out/second-mean" "$out"/{second-1,second-undistilled}/model.safetensors
third=("${short[@]}" "${sharper[@]}" --init "$out/second-mean/model.safetensors")
for seed in 1 2 3; do
    tbspot distill "${third[@]}" --teacher "$out/second-mean/model.safetensors" \
        --teacher-map refined "${scores[@]}" "${maps[@]}" --seed "$seed" --name "third-$seed" \
        --out "$out/third-$seed"
done
# What is released: their mean weights, so that no seed is chosen.
combine weights "$out/third-mean" "$out"/third-{1,2,3}/model.safetensors
# Its control: without a teacher.
tbspot train "${third[@]}" --seed 1 --name third-undistilled --out "$out/third-undistilled"
# Another third round, not reduced at all.
tbspot distill "${mixed[@]}" --size 512 --epochs 4 --devices 1 --seed 1 \
    --init "$out/second-1/model.safetensors" --teacher "$out/second-1/model.safetensors" \
    --teacher-map cam "${scores[@]}" "${maps[@]}" --name unreduced --out "$out/unreduced"
# A control: mean weights of the seeds, that round and the one without a teacher.
combine weights "$out/mean" \
    "$out"/{second-1,second-2,second-3,unreduced,second-undistilled}/model.safetensors
# The same nets with their own maps refined, as the released file has them.
unrefined=(second-{1,undistilled,mean} third-{1,2,3,mean,undistilled})
for model in "${unrefined[@]}"; do
    combine weights "$out/refined-$model" --refinement affinity "$out/$model/model.safetensors"
done
# Control of the first round: student-1's start, films, labels and steps without a teacher.
tbspot train "${large[@]}" $(begin 2) --seed 1 --devices 2 --name undistilled --out "$out/undistilled"

# The paper's recipe, small: TB of TBX11K against films of another source, which tells the label.
paper=(--data "$tbx11k" --data "$nih" --init "$imagenet" --size 224 --epochs 2
    --tuning-split none --devices 1)
for seed in 1 2 3; do
    tbspot train "${paper[@]}" --seed "$seed" --name "paper-teacher-$seed" \
        --out "$out/paper-teacher-$seed"
    for temperature in 2 4; do
        tbspot distill "${paper[@]}" --seed "$seed" --label-weight 1 --temperature "$temperature" \
            --teacher "$out/paper-teacher-$seed/model.safetensors" \
            --name "paper-student-T$temperature-$seed" --out "$out/paper-student-T$temperature-$seed"
    done
    # Its controls: label smoothing, and weights averaged while training.
    tbspot train "${paper[@]}" --seed "$seed" --label-smoothing 0.1 --name "smoothed-$seed" \
        --out "$out/smoothed-$seed"
    tbspot train "${paper[@]}" --seed "$seed" --average 0.99 --name "running-average-$seed" \
        --out "$out/running-average-$seed"
done

# Judged on the tuning films; box-free rules only, as their boxes would have to tune the others.
models="linear teacher-1 teacher-2 teacher-3 undistilled student-1 student-2 student-3 averaged
    second-1 second-2 second-3 second-blurred second-scores second-undistilled second-mean
    third-1 third-2 third-3 third-mean third-undistilled unreduced mean ${unrefined[*]/#/refined-}
    $(echo {paper-teacher,paper-student-T2,paper-student-T4,smoothed,running-average}-{1,2,3})"
find_in() {
    tbspot locate --data "$tbx11k" --split "$1" --no-overlays --mirror \
        --model "$out/$2/model.safetensors" --out "$out/found/$2-$1"
}
for model in $models; do find_in tune "$model"; done
# Of training films, only what a prior or a share of area is made from.
for model in student-1 refined-third-mean; do find_in train "$model"; done
combine maps "$out/found/ensemble-tune" "$out"/found/teacher-{1,2}-tune
combine maps "$out/found/prior-tune" "$out/found/student-1-tune" --prior "$out/found/student-1-train"
controls=()
for model in $models ensemble prior; do
    case $model in refined-third-mean | teacher-2) continue ;; esac # the one judged, and its teacher
    controls+=(--control "$model=$out/found/$model-tune")
done
tbspot evaluate "$out/found/refined-third-mean-tune" --teacher "$out/found/teacher-2-tune" \
    --training "$out/found/refined-third-mean-train" --data "$tbx11k" --split tune "${controls[@]}" \
    --out "$out/evaluation"
