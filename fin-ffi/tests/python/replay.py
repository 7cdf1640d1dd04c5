"""Replays a drive through the bindings: replay.py DB.fin DRIVE.csv

Writes a line for each estimate that an observation gave, then for the one asked for half a second later. Floats are
written as the hexadecimal bits of an IEEE double.
"""

import struct
import sys

from fin_ffi import CellReading, CellScan, Engine, GnssFix, Observation, Rat, SpeedSample


def number(text):
    return float(text) if text else None


def integer(text):
    return int(text) if text else None


def observation(line):
    kind, time_ns, *fields = line.rstrip("\n").split(",")
    time_ns = int(time_ns)
    if kind == "gnss":
        lat_deg, lon_deg, accuracy_m, speed_mps, bearing_deg = map(number, fields)
        return Observation.GNSS(
            fix=GnssFix(
                time_ns=time_ns,
                lat_deg=lat_deg,
                lon_deg=lon_deg,
                accuracy_m=accuracy_m,
                speed_mps=speed_mps,
                bearing_deg=bearing_deg,
            )
        )
    if kind == "speed":
        return Observation.SPEED(sample=SpeedSample(time_ns=time_ns, speed_mps=float(fields[0])))
    mcc, mnc, tac, cell_id, arfcn, pci = map(integer, fields[:6])
    reading = CellReading(
        rat=Rat.LTE,
        mcc=mcc,
        mnc=mnc,
        tac=tac,
        cell_id=cell_id,
        arfcn=arfcn,
        pci=pci,
        serving=fields[6] == "1",
        rsrp_dbm=number(fields[7]),
        rsrq_db=number(fields[8]),
    )
    return Observation.CELLS(scan=CellScan(time_ns=time_ns, cells=[reading]))


def bits(value):
    return "" if value is None else struct.pack(">d", value).hex()


def show(estimate):
    e = estimate
    print(
        e.time_ns,
        bits(e.lat_deg),
        bits(e.lon_deg),
        bits(e.accuracy_m),
        bits(e.accuracy95_m),
        bits(e.speed_mps),
        bits(e.bearing_deg),
        "" if e.way_id is None else e.way_id,
        bits(e.offset_m),
        e.tunnel or "",
        e.mode.name.lower(),
        bits(e.branch_probability),
        sep=",",
    )


def main(db, drive):
    engine = Engine.open(db)
    with open(drive, encoding="utf-8") as lines:
        for line in lines:
            stepped = engine.step(observation(line))
            time_ns = int(line.split(",")[1])
            for estimate in (stepped, engine.predict(time_ns + 500_000_000)):
                if estimate is not None:
                    show(estimate)


if __name__ == "__main__":
    main(*sys.argv[1:])
