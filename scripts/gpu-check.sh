#!/bin/sh
# Builds the native core on a machine with an NVIDIA card and checks everything that needs one. Wants nvcc, cmake, a C++ compiler
# and python3 with numpy; with PyTorch, transformers and peft it also measures those on the same card. Needs no Node and no network.
#
#   scripts/gpu-check.sh [--out FILE] [--device cuda:0] [--steps build,tests,...] [--minutes 9]
#
# Writes one JSON file: FILE, or gpu.json in the folder $OUT, or docs/benchmarks/gpu.json. A step that fails is recorded and
# the others still run. Exit status: 0 when every step passed.
set -eu
cd "$(dirname "$0")/.."
exec python3 -u scripts/gpu-check/run.py "$@"
