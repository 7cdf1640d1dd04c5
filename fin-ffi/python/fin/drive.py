"""Drive folders: CSV files, plain or gzipped, as `fin` itself reads and writes them."""

import csv
import gzip
from collections.abc import Iterable, Iterator
from itertools import groupby
from os import PathLike
from pathlib import Path
from typing import TypeAlias, TypeVar

from ._api import CellReading, CellScan, GnssFix, Rat, SpeedSample

Observation: TypeAlias = GnssFix | SpeedSample | CellScan

_Record = TypeVar("_Record")

_NS_PER_MS = 1_000_000
# Among how many records one that repeats is looked for; a phone reports some 30 cells at most.
_REPEATS_WITHIN = 64


def read_drive(folder: str | PathLike[str]) -> list[Observation]:
    """All observations of a drive in time order; at the same instant wheel speed comes first, then GNSS, then cells.

    `gnss.csv` has to be there; `obd.csv` and `cells.csv` need not. Columns are found by name, an empty field is not known, and
    rows that are there twice count once.

    Raises FileNotFoundError without `gnss.csv`, ValueError for a field that is not a number.
    """
    folder = Path(folder)
    speeds = _unrepeated(
        SpeedSample(time_ns=_time_ns(row), speed_mps=float(row["speed_kmh"]) / 3.6)
        for row in _rows(folder, "obd.csv", required=False)
    )
    fixes = _unrepeated(
        GnssFix(
            time_ns=_time_ns(row),
            lat_deg=float(row["lat_deg"]),
            lon_deg=float(row["lon_deg"]),
            accuracy_m=_float(row, "accuracy_m"),
            speed_mps=_float(row, "speed_mps"),
            bearing_deg=_float(row, "bearing_deg"),
        )
        for row in _rows(folder, "gnss.csv", required=True)
    )
    rows = sorted(_rows(folder, "cells.csv", required=False), key=_time_ns)
    scans = [
        CellScan(time_ns=time_ns, cells=_unrepeated(_reading(row) for row in group))
        for time_ns, group in groupby(rows, key=_time_ns)
    ]
    everything: list[Observation] = [*speeds, *fixes, *scans]
    return sorted(everything, key=lambda observation: observation.time_ns)


def _unrepeated(records: Iterable[_Record]) -> list[_Record]:
    """The records without those that equal one of the last few."""
    kept: list[_Record] = []
    for record in records:
        if record not in kept[-_REPEATS_WITHIN:]:
            kept.append(record)
    return kept


def _rows(folder: Path, name: str, *, required: bool) -> Iterator[dict[str, str]]:
    plain, zipped = folder / name, folder / f"{name}.gz"
    if zipped.exists() and not plain.exists():
        with gzip.open(zipped, "rt", encoding="utf-8", newline="") as lines:
            yield from csv.DictReader(lines)
    elif plain.exists() or required:
        with plain.open(encoding="utf-8", newline="") as lines:
            yield from csv.DictReader(lines)


def _time_ns(row: dict[str, str]) -> int:
    return int(row["t_ms"]) * _NS_PER_MS


def _float(row: dict[str, str], name: str) -> float | None:
    text = row.get(name)
    return float(text) if text else None


def _int(row: dict[str, str], name: str) -> int | None:
    text = row.get(name)
    return int(text) if text else None


def _reading(row: dict[str, str]) -> CellReading:
    return CellReading(
        rat=Rat[(row.get("rat") or "unknown").upper()],
        mcc=_int(row, "mcc"),
        mnc=_int(row, "mnc"),
        tac=_int(row, "tac"),
        cell_id=_int(row, "cell_id"),
        arfcn=_int(row, "arfcn"),
        pci=_int(row, "pci"),
        serving=row.get("serving") == "1",
        rsrp_dbm=_float(row, "rsrp_dbm"),
        rsrq_db=_float(row, "rsrq_db"),
    )
