"""What is compared with: the libraries that a user would pick, and the loops that a user of numba would write."""

import sys
from pathlib import Path

import numba
import numpy as np

CHANNELS = 16
MISSING = 10


class Inputs:
    """The numbers that the Rust program has written."""

    def __init__(self, folder: Path):
        def doubles(name):
            return np.fromfile(folder / name, dtype="<f8")

        self.walks = {size: (doubles(f"walk_a_{size}"), doubles(f"walk_b_{size}")) for size in (1000, 4000)}
        self.frames = [np.fromfile(folder / f"frames_{part}", dtype="u1").reshape(-1, CHANNELS) for part in ("query", "reference")]
        self.gapped = [np.fromfile(folder / f"gapped_{part}", dtype="u1").reshape(-1, CHANNELS) for part in ("query", "reference")]
        self.references = np.fromfile(folder / "references", dtype="<f4").astype(np.float64).reshape(-1, 256)
        self.copies = doubles("copies").reshape(50, 512)
        self.measured = doubles("measured").reshape(8, -1, 2)


@numba.njit(fastmath=False)
def rows(costs):
    """Least accumulated cost of a subsequence and where it ends, for a matrix of local costs."""
    above = costs[0].copy()
    for i in range(1, costs.shape[0]):
        left = above[0] + costs[i, 0]
        diagonal = above[0]
        above[0] = left
        for j in range(1, costs.shape[1]):
            best = min(diagonal, left, above[j])
            diagonal = above[j]
            left = best + costs[i, j]
            above[j] = left
    end = np.argmin(above)
    return above[end], end


def gemm_rows(query, reference):
    """Squared distances as a matrix product, then rows."""
    norms = (query * query).sum(1)[:, None] + (reference * reference).sum(1)[None, :]
    return rows(np.maximum(norms - 2 * (query @ reference.T), np.float32(0)))


@numba.njit(fastmath=True)
def absolute_rows(query, reference):
    """Sums of absolute differences, then rows."""
    costs = np.empty((query.shape[0], reference.shape[0]), np.int32)
    for i in range(query.shape[0]):
        for j in range(reference.shape[0]):
            total = 0
            for c in range(query.shape[1]):
                total += abs(np.int32(query[i, c]) - np.int32(reference[j, c]))
            costs[i, j] = total
    return rows(costs)


@numba.njit(fastmath=True)
def spring(row, sample, reference):
    """One update of a stream's row (Sakurai, Faloutsos and Yamamuro 2007)."""
    left = np.float32(np.inf)
    diagonal = np.float32(np.inf)
    for j in range(reference.shape[0]):
        cost = np.float32(0)
        for c in range(reference.shape[1]):
            cost += abs(sample[c] - reference[j, c])
        best = min(diagonal, left, row[j])
        diagonal = row[j]
        left = best + cost
        row[j] = left


@numba.njit(fastmath=False)
def spring_gaps(row, sample, reference):
    """As spring, where a channel that is not a number costs a constant."""
    left = np.float32(np.inf)
    diagonal = np.float32(np.inf)
    for j in range(reference.shape[0]):
        cost = np.float32(0)
        for c in range(reference.shape[1]):
            difference = abs(sample[c] - reference[j, c])
            cost += difference if difference == difference else np.float32(MISSING)
        best = min(diagonal, left, row[j])
        diagonal = row[j]
        left = best + cost
        row[j] = left


def stream(update, samples, reference):
    """All samples from a row of zeros on; its least cost and where that is."""
    row = np.zeros(reference.shape[0], np.float32)
    for sample in samples:
        update(row, sample, reference)
    end = int(np.argmin(row))
    return [float(row[end]), end]


def full(inputs, size):
    """Distances of whole series, squared."""
    import aeon.distances
    import dtaidistance.dtw
    import dtw as dtw_python
    import librosa
    import tsdistances
    import tslearn.metrics
    import wildboar.distance.dtw

    a, b = inputs.walks[size]
    peers = {
        "aeon": lambda: [aeon.distances.dtw_distance(a, b)],
        "tsdistances": lambda: [float(np.ravel(tsdistances.dtw_distance(a[None], b[None], band=1.0, par=False))[0])],
        "dtaidistance C": lambda: [dtaidistance.dtw.distance_fast(a, b) ** 2],
        "wildboar": lambda: [float(wildboar.distance.dtw.dtw_distance(a, b, r=1.0)) ** 2],
        "tslearn": lambda: [tslearn.metrics.dtw(a, b) ** 2],
    }
    if size == 1000:
        peers["librosa"] = lambda: [float(librosa.sequence.dtw(a[None], b[None], metric="sqeuclidean", backtrack=False)[-1, -1])]
        peers["dtw-python"] = lambda: [
            float(dtw_python.dtw(a, b, dist_method="sqeuclidean", step_pattern="symmetric1", distance_only=True).distance)
        ]
    return peers


def band(inputs, size):
    """The band of a tenth to each side. Libraries count it differently: the argument is the one that gives the same answer."""
    import aeon.distances
    import dtaidistance.dtw

    a, b = inputs.walks[size]
    return {
        "aeon": lambda: [aeon.distances.dtw_distance(a, b, window=0.1)],
        "dtaidistance C": lambda: [dtaidistance.dtw.distance_fast(a, b, window=size // 10 + 1) ** 2],
    }


def subsequence(inputs, size):
    """120 frames in a reference, squared distances of single precision."""
    import dtaidistance.subsequence.dtw

    query, reference = inputs.frames[0], inputs.frames[1][:size]
    singles = query.astype(np.float32), reference.astype(np.float32)
    doubles = query.astype(np.float64), reference.astype(np.float64)

    def c_library():
        found = dtaidistance.subsequence.dtw.SubsequenceAlignment(*doubles, use_c=True)
        found.align()
        best = found.best_match()
        return [(best.value * len(query)) ** 2, best.segment[1]]

    return {"dtaidistance C": c_library, "numpy GEMM + numba rows": lambda: list(map(float, gemm_rows(*singles)))}


def subsequence_levels(inputs, size):
    """The same for sums of absolute differences of whole levels."""
    query, reference = inputs.frames[0], inputs.frames[1][:size]
    return {"numba rows": lambda: list(map(float, absolute_rows(query, reference)))}


def live(inputs, size):
    """120 samples, one at a time."""
    samples, reference = (levels[: size].astype(np.float32) for levels in inputs.frames)
    return {"numba SPRING": lambda: stream(spring, samples, reference)}


def live_gaps(inputs, size):
    """120 samples with missing levels."""
    samples, reference = (np.where(levels[:size] == 255, np.nan, levels[:size]).astype(np.float32) for levels in inputs.gapped)
    return {"numba SPRING": lambda: stream(spring_gaps, samples, reference)}


def nearest(inputs, _):
    """The nearest of 10,000 in a band of a tenth."""
    import wildboar.distance

    query, references = inputs.references[0], inputs.references[1:]

    def search():
        index, distance = wildboar.distance.argmin_distance(
            query[None], references, k=1, metric="dtw", metric_params={"r": 0.1}, return_distance=True
        )
        return [float(np.ravel(distance)[0]) ** 2, int(np.ravel(index)[0])]

    return {"wildboar": search}


def pairs(inputs, _):
    """All pairs of 200."""
    import aeon.distances

    series = inputs.references[:200]

    def matrix():
        distances = aeon.distances.dtw_pairwise_distance(series)
        return [float(np.triu(distances, 1).sum()), float(distances[0, 1])]

    return {"aeon": matrix}


def mean(inputs, _):
    """Ten rounds from the first series."""
    from dtaidistance import dtw_barycenter

    series = inputs.copies

    def rounds():
        center = series[0]
        mask = np.full((len(series),), True)
        for _ in range(10):
            center = dtw_barycenter.dba(series, center, mask=mask, use_c=True)
        return list(map(float, np.asarray(center).ravel()))

    return {"dtaidistance C": rounds}


def kalman(inputs, count):
    """A position in the plane, measured with its speed unknown."""
    import filterpy.kalman

    def smoothed(measured):
        filter = filterpy.kalman.KalmanFilter(dim_x=4, dim_z=2)
        filter.F = np.eye(4) + np.eye(4, k=2)
        filter.H = np.eye(2, 4)
        filter.Q = np.diag([0.0025, 0.0025, 0.01, 0.01])
        filter.R = np.eye(2) * 4.0
        filter.P = np.eye(4) * 100.0
        filter.x = np.zeros(4)
        means, covariances, _, _ = filter.batch_filter(measured)
        means, covariances, _, _ = filter.rts_smoother(means, covariances)
        at = [0, len(measured) // 2, len(measured) - 1]
        return np.concatenate([np.concatenate([means[i].ravel(), covariances[i].ravel()]) for i in at])

    return {"filterpy": lambda: [float(v) for one in inputs.measured[:count] for v in smoothed(one)]}


if __name__ == "__main__":
    sys.exit("run.py runs these")
