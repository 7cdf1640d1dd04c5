"""Runs fin-core and its peers in turn on the same inputs, compares their answers, and prints one table of ratios."""

import argparse
import itertools
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import peers

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
EXTRACT = HERE.parents[2] / "shared/data/osm_tunnels/gh-andorra.osm.pbf"
BEGIN, END = "<!-- table of run.sh -->", "<!-- end of table -->"


class Fin:
    """The Rust program: fin-core and the Rust peers."""

    def __init__(self, folder):
        program = Path(os.environ.get("CARGO_TARGET_DIR", HERE / "target")) / "release" / "fin-peers"
        self.process = subprocess.Popen([program, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.levels = self.process.stdout.readline().split()
        self.others = {}
        python = os.environ.get("FIN_PEERS_VALHALLA")
        if python and (folder / "drives").exists():
            command = [python, HERE / "match_valhalla.py", folder, EXTRACT]
            self.others["valhalla"] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, work, by):
        process = self.others.get(by, self.process)
        process.stdin.write(f"{work} {by}\n")
        process.stdin.flush()
        answer = [float(word) for word in process.stdout.readline().split()]
        return answer[0], answer[1:]


def timed(work):
    """Seconds of one run, the mean over as many as fill ten milliseconds."""
    begin = time.perf_counter()
    runs, answer = 0, None
    while runs == 0 or time.perf_counter() - begin < 0.01:
        answer = work()
        runs += 1
    return (time.perf_counter() - begin) / runs, answer


def differs(mine, other, tolerance):
    """How the answers differ, None when they do not. Answers may be shorter than another's, not different."""
    if not mine or not other:
        return f"no answer: {mine} {other}"
    for a, b in zip(mine, other):
        if not math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance):
            return f"{a} and {b}"
    return None


# Name, work of the Rust program, other workers of that program, peers in Python, what an answer may differ by.
def works(inputs):
    for size in (1000, 4000):
        yield f"full DTW {size}², f32", f"full32_{size}", [], peers.full(inputs, size), 1e-4
        yield f"full DTW {size}², f64", f"full64_{size}", ["augurs-dtw", "dtw_rs"], peers.full(inputs, size), 1e-4
        yield f"band 10 %, {size}², f32", f"band32_{size}", [], peers.band(inputs, size), 1e-4
    for size in (4000, 16000):
        yield f"subsequence 120 × {size} × 16, f32", f"sub32_{size}", [], peers.subsequence(inputs, size), 1e-4
        yield f"subsequence 120 × {size} × 16, u8", f"subu8_{size}", [], peers.subsequence_levels(inputs, size), 0
        window = {"dtaidistance C, the window again": peers.subsequence(inputs, size)["dtaidistance C"]}
        yield f"live, 1 sample × {size} × 16, u8", f"live_{size}", [], peers.live(inputs, size) | window, 0
        yield f"the same, 1 in 8 missing", f"livegaps_{size}", [], peers.live_gaps(inputs, size), 0
    yield "1-NN of 10,000 × 256, band 10 %", "nn", [], peers.nearest(inputs, 0), 1e-4
    yield "all pairs of 200 × 256", "pairs", [], peers.pairs(inputs, 0), 1e-4
    yield "barycenter of 50 × 512, 10 rounds", "mean", [], peers.mean(inputs, 0), 1e-4
    filters = ["adskalman", "kalmanfilt"]
    yield "Kalman + RTS, 100,000 steps, 4 states", "kalman_1", filters, peers.kalman(inputs, 1), 1e-4
    yield "Kalman + RTS, 8 series", "kalman_8", filters, {}, 1e-4
    trees = ["rstar", "geo-index", "static_aabb2d_index"]
    yield "nearest of 1 M segments, 10,000 points anywhere", "edgerandom", trees, {}, 1e-4
    yield "the same, 10,000 fixes of a drive", "edgedrive", trees, {}, 1e-4


def matching(fin):
    """Map matching, where there are roads; the answer is the share of fixes within 25 m of the truth."""
    if "valhalla" in fin.others:
        yield "map matching, 12,000 fixes at 1 Hz in Andorra", "match", ["valhalla"], {}, 0.03


def machine():
    """The processor and what it runs."""
    model = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    family = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith(("cpu family", "model\t"))][:2]
    return f"{model} (family {family[0]}, model {family[1]}), {platform.system()}"


def seconds(value):
    for unit, scale in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if value * scale >= 1:
            return f"{value * scale:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def compare(fin, name, work, rust_peers, python_peers, tolerance, rounds):
    """One row per peer: what it takes, and how many times as long as fin-core at its two widest levels."""
    levels = fin.levels[-2:]
    # The updates are timed 120 at a time on both sides; a window is what one update replaces.
    samples = 120 if work.startswith("live") else 1
    times = {}
    answers = {}
    for peer, run in list(python_peers.items()):
        try:
            answers[peer] = run()
        except Exception as error:  # what a library refuses is said in the table
            print(f"{name}: {peer}: {error!r}", file=sys.stderr)
            del python_peers[peer]
    for _ in range(rounds):
        for level in levels:
            taken, answers[level] = fin(work, level)
            times.setdefault(level, []).append(taken)
        for peer in rust_peers:
            taken, answers[peer] = fin(work, peer)
            times.setdefault(peer, []).append(taken)
        for peer, run in python_peers.items():
            taken, answers[peer] = timed(run)
            times.setdefault(peer, []).append(taken)
    medians = {by: statistics.median(taken) for by, taken in times.items()}
    for level in levels:
        medians[level] /= samples
    for peer in list(python_peers) + rust_peers:
        window = "window" in peer
        if not window:
            medians[peer] /= samples
            wrong = differs(answers[levels[-1]], answers[peer], tolerance)
            if wrong:
                print(f"{name}: {peer} differs: {wrong}", file=sys.stderr)
                peer_name = f"{peer} (another answer)"
            else:
                peer_name = peer
        else:
            peer_name = peer
        ratios = [f"{medians[peer] / medians[level]:.1f}" for level in levels]
        yield [name, peer_name, seconds(medians[peer])] + [seconds(medians[level]) for level in levels] + ratios


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--only", help="works whose name has this in it")
    arguments.add_argument("--dry", action="store_true", help="print the table and leave the file as it is")
    options = arguments.parse_args()
    folder = HERE / "data"
    fin = Fin(folder)
    inputs = peers.Inputs(folder)
    head = ["work", "peer", "peer takes"] + [f"fin, {level}" for level in fin.levels[-2:]] + [f"times, {level}" for level in fin.levels[-2:]]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for work in itertools.chain(works(inputs), matching(fin)):
        if options.only and options.only not in work[0]:
            continue
        for row in compare(fin, *work, options.rounds):
            lines.append("| " + " | ".join(row) + " |")
            print(lines[-1], flush=True)
    table = f"{machine()}; one thread, medians of {options.rounds} runs in turn.\n\n" + "\n".join(lines)
    print("\n" + table)
    if not options.dry and not options.only:
        text = README.read_text()
        before, rest = text.split(BEGIN)
        README.write_text(before + BEGIN + "\n\n" + table + "\n\n" + END + rest.split(END)[1])


if __name__ == "__main__":
    main()
