#!/usr/bin/env bash
# Compares fin-core with its peers and writes the table into benches/README.md. Wants Python 3.11 with venv; FIN_PEERS_VENV names one that is there.
set -euo pipefail
cd "$(dirname "$0")"
venv=${FIN_PEERS_VENV:-venv}
if [[ ! -x $venv/bin/python ]]; then
    python3.11 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement requirements.txt
fi
cargo build --release --locked
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1 RAYON_NUM_THREADS=1
exec "$venv/bin/python" run.py "$@"
