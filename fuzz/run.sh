#!/usr/bin/env bash
# Runs every fuzz target for so many seconds each, from the seeds and what earlier runs found: fuzz/run.sh SECONDS [TARGET...]
# Stops at the first finding. No input may take 1 GiB of memory or 10 s.
#
# SANITIZER=address looks for wrong uses of memory too. Our crates have no unsafe code, so these could only be in others, and the targets
# take 1.4 times as long to compile.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?seconds for each target}
shift
targets=("$@")
# Counting what an input reaches needs a nightly compiler, or a stable one that is told to be one.
if rustup run nightly rustc --version >/dev/null 2>&1; then
    fuzz=(cargo +nightly fuzz)
else
    export RUSTC_BOOTSTRAP=1
    fuzz=(cargo fuzz)
fi
((${#targets[@]})) || mapfile -t targets < <("${fuzz[@]}" list)

for target in "${targets[@]}"; do
    corpus=fuzz/corpus/$target
    mkdir -p "$corpus"
    "${fuzz[@]}" run --sanitizer "${SANITIZER:-none}" "$target" "$corpus" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=512 -max_len=65536 \
        -print_final_stats=1 -verbosity=0
done
