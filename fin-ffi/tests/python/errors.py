"""What goes wrong is told as a FinError with a text for people: errors.py GOOD FLIPPED CUT TEXT MISSING"""

import math
import sys
import threading

from fin_ffi import Engine, FinError, GnssFix, Observation


def refusal(kind, call, *arguments):
    try:
        call(*arguments)
    except kind as error:
        return str(error)
    raise AssertionError(f"{call} took {arguments}")


def fix(time_s, lat_deg=46.0):
    return Observation.GNSS(
        fix=GnssFix(
            time_ns=int(time_s * 1e9),
            lat_deg=lat_deg,
            lon_deg=8.0,
            accuracy_m=4.0,
            speed_mps=20.0,
            bearing_deg=None,
        )
    )


def expect(text, *parts):
    for part in parts:
        assert part in text, f"{part!r} is not in {text!r}"


def files(flipped, cut, text, missing):
    expect(refusal(FinError.DatabaseUnreadable, Engine.open, missing), "cannot read database", missing)
    expect(refusal(FinError.DatabaseInvalid, Engine.open, flipped), flipped, "check sum")
    expect(refusal(FinError.DatabaseInvalid, Engine.open, cut), cut, "truncated")
    expect(refusal(FinError.DatabaseInvalid, Engine.open, text), text, "not a fingerprint database")


def observations(good):
    engine = Engine.open(good)
    assert engine.predict(0) is None, "an engine that was told nothing knows a position"
    refused = FinError.ObservationRefused
    expect(refusal(refused, engine.step, fix(100, lat_deg=math.nan)), "latitude is NaN", "-90 to 90")
    expect(refusal(refused, engine.step, fix(100, lat_deg=91.0)), "latitude is 91")
    assert engine.predict(0) is None, "a refused fix left a trace"
    engine.step(fix(100))
    before = engine.predict(101 * 10**9)
    assert before is not None
    expect(refusal(refused, engine.step, fix(40)), "older than the latest one", "at most 5 s")
    assert engine.predict(101 * 10**9) == before, "a refused fix moved the estimate"


def threads(good):
    engine = Engine.open(good)
    failures = []

    def drive():
        try:
            for second in range(200):
                engine.step(fix(1000 + second % 4))
                engine.predict(1_010_000_000_000)
        except Exception as error:
            failures.append(error)

    workers = [threading.Thread(target=drive) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures, failures


def main(good, flipped, cut, text, missing):
    files(flipped, cut, text, missing)
    observations(good)
    threads(good)


if __name__ == "__main__":
    main(*sys.argv[1:])
