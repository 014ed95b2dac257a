#!/usr/bin/env bash
# Check the shipped Keras models on a GPU, and write the results as a Markdown page.
#
#     tests/gpu/wheels.sh                              # once, on a machine with a network
#     tests/gpu/check.sh docs/results/FILE.md          # on the machine with the GPU
#     tests/gpu/check.sh --dry FILE.md                 # the same on the CPU, in this environment
#
# detbench's own YOLO and the KerasHub RetinaNet run in Keras on JAX. The check compares the outputs
# of CPU and GPU, times every stage for batches of 1 and 8, times each model against itself (A/A),
# and samples the GPU's clock and power meanwhile. Each part has its own time limit; together they
# end within 6 minutes. Exits with 1 if a part fails or an output is beyond its tolerance. Invalid
# times do not fail the check; the page says why they are invalid.
#
# PYTHON names the interpreter (default: python3). Not yet run on a GPU: see README.md.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)

dry=no
if [ "${1:-}" = --dry ]; then
    dry=yes
    shift
fi
if [ $# -ne 1 ]; then
    echo "usage: tests/gpu/check.sh [--dry] FILE.md" >&2
    exit 2
fi
output=$(realpath -m "$1")
command="tests/gpu/check.sh $([ $dry = yes ] && echo '--dry ')$1"
python=${PYTHON:-python3}
work=$(mktemp -d)
sampler=
trap '[ -n "$sampler" ] && kill "$sampler" 2>/dev/null; rm -rf "$work"' EXIT
cd "$root" || exit 2

export PYTHONPATH=$root KERAS_BACKEND=jax DETBENCH_CACHE=$work/cache PYTHONUNBUFFERED=1
export XLA_PYTHON_CLIENT_PREALLOCATE=false
# Programs are compiled once, although several processes run them.
export JAX_COMPILATION_CACHE_DIR=$work/compiled JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0
models=(
    "yolo:detbench/adapters/shipped/yolo.keras,backend=jax"
    "kerashub:detbench/adapters/shipped/retinanet,backend=jax"
)
if [ $dry = yes ]; then
    device=cpu
    slack=3 # tests share their machine with other work
    # Two processes of each model, because loading takes most of the time without optimization.
    seconds=(--processes 2 --min-seconds 0.02 --max-seconds 0.05)
    aa=(--processes 2 --repetitions 1 --batch 1 --min-seconds 0.05 --max-seconds 0.5)
    export XLA_FLAGS=--xla_backend_optimization_level=0
    # A CUDA machine has none of these packages.
    mkdir "$work/hidden"
    for package in tensorflow tensorflow_text duckdb pyarrow pycocotools; do
        echo 'raise ImportError("hidden, because a CUDA machine lacks it")' \
            >"$work/hidden/$package.py"
    done
    export PYTHONPATH=$work/hidden:$root
else
    device=cuda
    slack=1
    seconds=(--min-seconds 0.5 --max-seconds 2)
    aa=(--repetitions 3 --batch "1,8" --min-seconds 0.3 --max-seconds 1)
fi

# part NAME LIMIT COMMAND...: run a command with a limit in seconds, and note how it ended.
part() {
    local name=$1 limit=$(($2 * slack)) start code
    shift 2
    start=$(date +%s.%N)
    # Ctrl-C lets `detbench latency` write the times that it has.
    timeout --signal=INT --kill-after=3 "$limit" "$@" >"$work/$name.log" 2>&1
    code=$?
    echo "$name,$limit,$start,$(date +%s.%N),$code" >>"$work/parts.csv"
    if [ $code -ne 0 ] && [ $code -ne 3 ]; then
        echo "$name failed with exit code $code:" >&2
        tail -15 "$work/$name.log" >&2
    fi
}

if [ $dry = no ]; then
    # The interpreter may itself belong to a virtual environment, whose packages another one would
    # not see; so the wheels go into a folder on PYTHONPATH.
    part packages 25 "$python" -m pip install --quiet --no-index --no-deps --no-compile \
        --no-cache-dir --target "$work/packages" build/gpu-wheels/*.whl
    export PYTHONPATH=$work/packages:$root
fi
"$python" tests/gpu/gpu_samples.py "$work/gpu.csv" &
sampler=$!

part environment 15 "$python" -m detbench env --json "$work/environment.json"
part cpu-outputs 45 env JAX_PLATFORMS=cpu "$python" tests/gpu/outputs.py "$work/cpu.npz"
export JAX_PLATFORMS=$device
part device-outputs 75 "$python" tests/gpu/outputs.py "$work/device.npz"
part latency 95 "$python" -m detbench latency "${models[@]}" --batch 1,8 --stage all \
    "${seconds[@]}" --json "$work/latency.json"
part aa-yolo 40 "$python" -m detbench latency "${models[0]}" --aa "${aa[@]}" \
    --json "$work/aa-yolo.json"
part aa-retinanet 40 "$python" -m detbench latency "${models[1]}" --aa "${aa[@]}" \
    --json "$work/aa-retinanet.json"

kill "$sampler" 2>/dev/null
sampler=
mkdir -p "$(dirname "$output")"
timeout 15 "$python" tests/gpu/page.py "$work" "$output" "$command"
