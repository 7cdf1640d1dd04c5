"""Writes linear.csv and along_track.csv: what filterpy says about two small problems.

    python3 -m venv /tmp/oracle
    /tmp/oracle/bin/pip install filterpy==2.0.0 numpy==2.4.6 scipy==1.17.1 mpmath==1.4.1
    /tmp/oracle/bin/python fin-core/tests/oracle/kalman.py

Nothing here is shared with the code under test: F and Q come from a matrix exponential (Van Loan 1978), filter and
smoother from filterpy. Covariances are written as their upper triangle, row by row.
"""

import csv
import math
from pathlib import Path

import numpy as np
from filterpy.kalman import ExtendedKalmanFilter, KalmanFilter
from mpmath import mp

HERE = Path(__file__).parent
mp.dps = 50


def triangle(prefix, p):
    n = len(p)
    return {f"{prefix}{i}{j}": p[i, j] for i in range(n) for j in range(i, n)}


def vector(prefix, x):
    return {f"{prefix}{i}": v for i, v in enumerate(np.ravel(x))}


def write(name, rows):
    with open(HERE / name, "w", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: v if isinstance(v, (str, int)) else repr(float(v)) for k, v in row.items()})


def linear():
    """Position and velocity in the plane, both coordinates of the position measured with correlated noise."""
    rng = np.random.default_rng(1)
    dt = 0.5
    kf = KalmanFilter(dim_x=4, dim_z=2)
    block = np.array([[1.0, dt], [0.0, 1.0]])
    noise = 0.3 * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
    kf.F = np.kron(np.eye(2), block)
    kf.Q = np.kron(np.eye(2), noise)
    kf.H = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
    kf.R = np.array([[4.0, 1.0], [1.0, 2.0]])
    kf.x = np.zeros((4, 1))
    kf.P = np.diag([100.0, 25.0, 100.0, 25.0])
    rows, xs, ps = [], [], []
    for step in range(40):
        z = np.array([[3.0 * step * dt], [-1.0 * step * dt]]) + rng.normal(size=(2, 1)) * 2.0
        kf.predict()
        kf.update(z)
        xs.append(kf.x.copy())
        ps.append(kf.P.copy())
        rows.append(
            vector("z", z)
            | vector("x", kf.x)
            | triangle("p", kf.P)
            | vector("y", kf.y)
            | triangle("s", kf.S)
            | {"nis": kf.mahalanobis**2, "log_likelihood": kf.log_likelihood}
        )
    sx, sp, _, _ = kf.rts_smoother(np.array(xs), np.array(ps))
    for row, x, p in zip(rows, sx, sp):
        row.update(vector("sx", x) | triangle("sp", p))
    write("linear.csv", rows)


# The defaults of docs/model.md.
SIGMA_A, TIME_A = 0.8, 2.5
SIGMA_K, WALK_K = 0.03, 5e-5
TAU, SIGMA_TAU, WALK_TAU = 0.3, 0.15, 0.002
R_WHEEL = 0.23**2 + (1 / 3.6) ** 2 / 12
WHEEL_TIME = 0.4
SIGMA_ZERO = 0.16


def transition(dt):
    """F and Q over dt seconds by the block exponential of Van Loan, in 50 digits."""
    a = mp.zeros(5)
    a[0, 1] = a[1, 2] = 1
    a[2, 2] = -1 / mp.mpf(TIME_A)
    block = mp.zeros(10)
    block[:5, :5], block[5:, 5:] = -a, a.T
    for i, density in ((2, 2 * SIGMA_A**2 / TIME_A), (3, WALK_K**2), (4, WALK_TAU**2)):
        block[i, 5 + i] = density
    e = mp.expm(block * dt)
    f = e[5:, 5:].T
    q = f * e[:5, 5:]
    return np.array(f.tolist(), dtype=float), np.array(q.tolist(), dtype=float)


def drive():
    """Time (ms), kind, value and sigma of a drive that starts, brakes, stands, passes a gap and goes on."""
    rng = np.random.default_rng(2)
    rows = []

    def speed(t):
        return 14 + 4 * math.sin(t / 6) if t < 20 else max(0.0, 14 - 2.5 * (t - 20)) if t < 30 else 12.0

    s, t, last = 100.0, 0.0, 0.0
    while t < 75:
        t = round(t + 0.5, 3)
        s += speed(t) * (t - last)
        last = t
        if 40 < t < 65:
            continue
        ms = int(round(t * 1000))
        rows.append((ms, "wheel", round(0.97 * speed(t - 0.4) * 3.6) / 3.6, ""))
        if t == int(t) and int(t) % 2 == 0:
            rows.append((ms, "position", s + 3 * rng.normal(), 3.0))
            rows.append((ms + 20, "speed", speed(t) + 0.2 * rng.normal(), 0.2))
        if int(t) % 7 == 0:
            rows.append((ms + 130, "query", 0.0, ""))
    return rows


def along_track():
    ekf = ExtendedKalmanFilter(dim_x=5, dim_z=1)
    ekf.x = np.array([90.0, 15.0, 0.0, 1.0, TAU])
    ekf.P = np.diag([10.0**2, 2.0**2, SIGMA_A**2, SIGMA_K**2, SIGMA_TAU**2])
    rows, xs, ps, fs, qs = [], [], [], [], []
    now, wheel = 0, None
    for ms, kind, value, sigma in drive():
        f, q = transition((ms - now) * 1e-3) if ms > now else (np.eye(5), np.zeros((5, 5)))
        now = ms
        ekf.F, ekf.Q = f, q
        ekf.predict()
        fs.append(f)
        qs.append(q)
        row = {"t_ms": ms, "kind": kind, "value": value, "sigma": sigma}
        nis = log_likelihood = 0.0
        if kind != "query":
            component, variance = {"position": 0, "speed": 1}.get(kind), None
            if kind == "wheel":
                inflation = 1.0
                if wheel is not None:
                    rho = math.exp(-(ms - wheel) * 1e-3 / WHEEL_TIME)
                    inflation = (1 + rho) / (1 - rho)
                wheel = ms
                variance = R_WHEEL * inflation
                if value == 0.0:
                    variance = SIGMA_ZERO**2 * inflation
            else:
                variance = sigma**2
            if kind == "wheel" and value == 0.0:
                h = lambda x: np.array([x[1] - x[4] * x[2]])
                jacobian = lambda x: np.array([[0.0, 1.0, -x[4], 0.0, 0.0]])
            elif component is None:
                h = lambda x: np.array([x[3] * (x[1] - x[4] * x[2])])
                jacobian = lambda x: np.array([[0.0, x[3], -x[3] * x[4], x[1] - x[4] * x[2], -x[3] * x[2]]])
            else:
                h = lambda x: np.array([x[component]])
                jacobian = lambda x: np.eye(5)[component : component + 1]
            ekf.update(np.array([value]), jacobian, h, R=np.array([[variance]]))
            nis, log_likelihood = ekf.mahalanobis**2, ekf.log_likelihood
        xs.append(ekf.x.copy())
        ps.append(ekf.P.copy())
        rows.append(row | vector("x", ekf.x) | triangle("p", ekf.P) | {"nis": nis, "log_likelihood": log_likelihood})
    sx, sp, _, _ = KalmanFilter(dim_x=5, dim_z=1).rts_smoother(np.array(xs), np.array(ps), fs, qs)
    for row, x, p in zip(rows, sx, sp):
        row.update(vector("sx", x) | triangle("sp", p))
    write("along_track.csv", rows)


linear()
along_track()
