#!/usr/bin/env bash
# Gate the shipped models on the shapes test split: each against the detections stored in .ci/baselines/NAME, and the ONNX export against
# the Keras model that it was made from. Needs the extras `keras` and `onnx`, and no GPU.
#
#   .ci/models.sh            gate; ends with the worst exit code
#   .ci/models.sh --record   store what the models find now as the baselines
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
python=${PYTHON:-python}
export DETBENCH="$python -m detbench"
work=build/models
baselines=.ci/baselines
models=(yolo yolo-onnx retinanet)

rm -rf "$work" && mkdir -p "$work" || exit 2
"$python" -c 'from pathlib import Path; from detbench.data.shapes import make_shapes; make_shapes(Path("'"$work"'/shapes"), train=0, val=0)' || exit 2
for name in "${models[@]}"; do
  spec=$("$python" -c 'import sys; from detbench.adapters.shipped import SPECS; print(SPECS[sys.argv[1]])' "$name") || exit 2
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
  local code=$?
  [ $code -gt $worst ] && worst=$code
  return 0
}
for name in "${models[@]}"; do
  gate "$baselines/$name" "$work/$name/runs/$name" "$name"
done
gate "$work/yolo/runs/yolo" "$work/yolo-onnx/runs/yolo-onnx" onnx-drift
exit $worst
