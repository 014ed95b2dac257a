#!/usr/bin/env bash
# Gates the shipped models on the shapes test split: each against the detections in
# .ci/baselines/NAME, and the ONNX export against the Keras model that it was made from.
# Needs the extras `keras` and `onnx`, and no GPU.
#
#   .ci/models.sh            gates; exits with 2 after an error, else with 1 if any model failed,
#                            else with 3 if any is inconclusive, else with 0
#   .ci/models.sh --record   stores the present detections as the baselines
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
python=${PYTHON:-python}
export DETBENCH="$python -m detbench"
work=build/models
baselines=.ci/baselines
models=(yolo yolo-onnx retinanet)

if [ "${1:-}" != --record ] && [ ! -d "$baselines" ]; then
  echo "models.sh: $baselines is missing; run .ci/models.sh --record and commit it" >&2
  exit 2
fi

rm -rf "$work" && mkdir -p "$work" || exit 2
"$python" - "$work/shapes" <<'PYTHON' || exit 2
import sys
from pathlib import Path
from detbench.data.shapes import make_shapes
make_shapes(Path(sys.argv[1]), train=0, val=0)
PYTHON
for name in "${models[@]}"; do
  # Specs relative to the repository, so that records do not depend on the machine.
  spec=$("$python" - "$name" <<'PYTHON'
import os
import sys
from detbench.adapters.shipped import SPECS
print(SPECS[sys.argv[1]].replace(os.getcwd() + "/", ""))
PYTHON
  ) || exit 2
  $DETBENCH compare "$work/shapes/VOCdevkit/VOC2007" "$spec" --name "$name" --split test \
    --no-latency --no-cache -o "$work/$name" || exit 2
done

if [ "${1:-}" = --record ]; then
  for name in "${models[@]}"; do
    rm -rf "${baselines:?}/$name" && mkdir -p "$baselines" &&
      cp -r "$work/$name/runs/$name" "$baselines/$name" || exit 2
  done
  echo "baselines: $baselines"
  exit 0
fi

worst=0
gate() { # BASELINE CANDIDATE NAME
  BASELINE=$1 CANDIDATE=$2 RULES=.ci/models.toml OUTPUT=$work/gate-$3 .ci/gate.sh
  # From better to worse: 0 passed, 3 inconclusive, 1 failed, 2 (or anything else) an error.
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
