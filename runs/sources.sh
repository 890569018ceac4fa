#!/usr/bin/env bash
# Train on one source, test on the other: Shenzhen and Montgomery, for docs/audit.md. Each is judged
# on its own test films and on all films of the other, never pooled.
# Usage: runs/sources.sh SHARED OUT, where SHARED holds data/ and weights/ (see docs/results.md).
set -euo pipefail
shared=${1:?folder that holds data/ and weights/} out=${2:?folder for the runs}
films="$shared/data/shenzhen128"
net=(--init "$shared/weights/resnet50_imagenet_fp16.safetensors" --size 256 --through 128
    --output-stride 16 --tuning-split none --seed 1)
mkdir -p "$out"
only() { awk -F, -v OFS=, "NR == 1 || \$4 == \"$1\" $2" "$films/labels.csv"; }
declare -A epochs=([shenzhen]=12 [montgomery]=30) # Montgomery has a fifth of the films
for source in shenzhen montgomery; do
    only "$source" "" >"$out/$source.csv"
    only "$source" '{ if (NR > 1) $5 = "test"; print }' >"$out/all-of-$source.csv"
    tbspot train --data "$out/$source.csv?root=$films" "${net[@]}" --epochs "${epochs[$source]}" \
        --name "$source" --out "$out/$source"
done
judge() {
    local data=(--data "$out/$2.csv?root=$films" --split test)
    tbspot locate "${data[@]}" --model "$out/$1/model.safetensors" --mirror --no-overlays \
        --out "$out/found/$1-on-$2"
    tbspot evaluate "$out/found/$1-on-$2" "${data[@]}"
}
judge shenzhen shenzhen
judge shenzhen all-of-montgomery
judge montgomery montgomery
judge montgomery all-of-shenzhen
