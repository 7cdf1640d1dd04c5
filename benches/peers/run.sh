#!/usr/bin/env bash
# Compares fin-core with its peers and writes the table into benches/README.md. Wants Python 3.11 with venv; FIN_PEERS_VENV names one that is there.
# valhalla wants Python 3.12: FIN_PEERS_VALHALLA names an interpreter that has it; without Python 3.12 it is left out.
set -euo pipefail
cd "$(dirname "$0")"
venv=${FIN_PEERS_VENV:-venv}
if [[ ! -x $venv/bin/python ]]; then
    python3.11 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement requirements.txt
fi
if [[ -z ${FIN_PEERS_VALHALLA:-} ]] && python3.12 -c '' 2> /dev/null; then
    if [[ ! -x venv312/bin/python ]]; then
        python3.12 -m venv venv312
        venv312/bin/pip install --quiet pyvalhalla==3.9.1
    fi
    export FIN_PEERS_VALHALLA=$PWD/venv312/bin/python
fi
cargo build --release --locked
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1 RAYON_NUM_THREADS=1
exec "$venv/bin/python" run.py "$@"
