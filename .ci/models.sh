#!/usr/bin/env bash
# Gate the shipped models on the shapes test split: each against the detections stored in .ci/baselines/NAME, and the ONNX export against
# the Keras model that it was made from. Needs the extras `keras` and `onnx`, and no GPU.
#
#   .ci/models.sh            gate; ends with 2 for a mistake, else 1 if any failed, else 3 if any is inconclusive, else 0
#   .ci/models.sh --record   store what the models find now as the baselines
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
python=${PYTHON:-python}
export DETBENCH="$python -m detbench"
work=build/models
baselines=.ci/baselines
models=(yolo yolo-onnx retinanet)

if [ "${1:-}" != --record ] && [ ! -d "$baselines" ]; then
  echo "models.sh: there are no baselines in $baselines; store what the models find now with .ci/models.sh --record, and commit it" >&2
  exit 2
fi

rm -rf "$work" && mkdir -p "$work" || exit 2
"$python" -c 'import sys; from pathlib import Path; from detbench.data.shapes import make_shapes; make_shapes(Path(sys.argv[1]), train=0, val=0)' "$work/shapes" || exit 2
for name in "${models[@]}"; do
  spec=$("$python" -c 'import os, sys; from detbench.adapters.shipped import SPECS; print(SPECS[sys.argv[1]].replace(os.getcwd() + "/", ""))' "$name") || exit 2
  $DETBENCH compare "$work/shapes/VOCdevkit/VOC2007" "$spec" --name "$name" --split test --no-latency --no-cache -o "$work/$name" || exit 2
done

if [ "${1:-}" = --record ]; then
  for name in "${models[@]}"; do
    rm -rf "${baselines:?}/$name" && mkdir -p "$baselines" && cp -r "$work/$name/runs/$name" "$baselines/$name" || exit 2
  done
  echo "baselines: $baselines"
  exit 0
fi

worst=0
gate() {
  BASELINE=$1 CANDIDATE=$2 RULES=.ci/models.toml OUTPUT=$work/gate-$3 .ci/gate.sh
  case "$?:$worst" in
    0:* | 3:1 | *:2) ;;
    1:[03]) worst=1 ;;
    3:0) worst=3 ;;
    1:1 | 3:3) ;;
    *) worst=2 ;;
  esac
}
for name in "${models[@]}"; do
  gate "$baselines/$name" "$work/$name/runs/$name" "$name"
done
gate "$work/yolo/runs/yolo" "$work/yolo-onnx/runs/yolo-onnx" onnx-drift
exit $worst
