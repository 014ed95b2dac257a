#!/usr/bin/env bash
# Download the wheels that tests/gpu/check.sh needs and a CUDA machine lacks, into build/gpu-wheels.
#
#     tests/gpu/wheels.sh
#
# They are for CPython 3.12 on Linux x86_64, without their dependencies: the machine has JAX, numba,
# NumPy, pandas, Pillow, h5py, typer and rich. Neither TensorFlow, DuckDB, pyarrow nor pycocotools is
# imported on the way. Measured total: 5.1 MB.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=build/gpu-wheels
python=${PYTHON:-python3}
[ -x .venv/bin/python ] && python=${PYTHON:-.venv/bin/python}
rm -rf "$folder"
mkdir -p "$folder"
"$python" -m pip download --quiet --no-deps --only-binary=:all: \
    --python-version 3.12 --implementation cp --abi cp312 --abi abi3 --abi none \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --platform any \
    --dest "$folder" \
    keras==3.15.1 keras-hub==0.32.0 kagglehub==1.0.2 kagglesdk==0.1.28 \
    namex==0.1.0 optree==0.20.0 msgspec==0.23.0
ls -l "$folder"
echo "total: $(cat "$folder"/*.whl | wc -c) bytes"
