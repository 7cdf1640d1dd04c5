#!/usr/bin/env bash
# Kills `fin` at random moments of build, merge and patch and looks at what is left: fin-cli/tests/kill.sh FIN TIMES [SEED]
# The output has to be the old file or the new one, whole, every time. Prints how often it was which.
set -euo pipefail

fin=$(realpath "${1:?path of the program fin}")
times=${2:?how many kills}
RANDOM=${3:-1}
samples=$(realpath "$(dirname "$0")/../../data/samples")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

drives=("$samples"/survey/tube-east-0{1,2,3,4})
build=("$fin" build --roads "$samples/roads.geojson")
"${build[@]}" --out old.fin "${drives[@]:0:2}" >/dev/null 2>&1
"${build[@]}" --out built.fin "${drives[@]}" >/dev/null 2>&1
"$fin" merge --db old.fin --out merged.fin "${drives[@]:2}" >/dev/null 2>&1
"$fin" diff old.fin built.fin --out step.patch 2>/dev/null

# What each command makes of old.fin in out.fin.
run_build() { exec "${build[@]}" --out out.fin "${drives[@]}"; }
run_merge() { exec "$fin" merge --db out.fin --out out.fin "${drives[@]:2}"; }
run_patch() { exec "$fin" patch out.fin step.patch; }
declare -A result=([build]=built.fin [merge]=merged.fin [patch]=built.fin)

# How long each takes when nothing happens, in ms: kills come up to a quarter later than that.
declare -A usual_ms
for command in build merge patch; do
    cp old.fin out.fin
    begin=$(date +%s%N)
    ("run_$command") >/dev/null 2>&1
    usual_ms[$command]=$((($(date +%s%N) - begin) / 1000000 + 1))
    cmp --quiet out.fin "${result[$command]}" || { echo "$command gives another file when it is left alone" >&2; exit 1; }
done

kills=0 old=0 new=0 late=0
while ((kills < times)); do
    for command in build merge patch; do
        cp old.fin out.fin
        delay_ms=$((RANDOM % (usual_ms[$command] * 5 / 4 + 1)))
        ("run_$command") >/dev/null 2>&1 &
        pid=$!
        sleep "$(printf '%d.%03d' $((delay_ms / 1000)) $((delay_ms % 1000)))"
        if kill -KILL "$pid" 2>/dev/null; then kills=$((kills + 1)); else late=$((late + 1)); fi
        wait "$pid" 2>/dev/null || true
        if cmp --quiet out.fin old.fin; then
            old=$((old + 1))
        elif cmp --quiet out.fin "${result[$command]}"; then
            new=$((new + 1))
        else
            echo "a kill of $command after $delay_ms ms left neither the old file nor the new one" >&2
            exit 1
        fi
        rm -f .out.fin.*.tmp
    done
done
echo "$kills kills: the old file was left $old times and the new one $new times, $late commands had ended before"
