"""A recorded drive through the engine, as columns."""

from collections.abc import Iterable, Iterator
from os import PathLike, fspath
from typing import TypedDict

from ._api import CellScan, Engine, Estimate, FinError, GnssFix
from .drive import Observation, read_drive

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000


class Columns(TypedDict):
    """Estimates by column, all of one length: what `pandas.DataFrame` and `polars.DataFrame` take as it is.

    The names are those of `fin replay`. `t_ms` is on the clock of the drive; `way_id` and `offset_m` are None off the roads,
    `tunnel` in the open, `speed_mps` and `bearing_deg` while nothing has told them.
    """

    t_ms: list[int]
    lat_deg: list[float]
    lon_deg: list[float]
    accuracy_m: list[float]
    accuracy95_m: list[float]
    speed_mps: list[float | None]
    bearing_deg: list[float | None]
    way_id: list[int | None]
    offset_m: list[float | None]
    tunnel: list[str | None]
    mode: list[str]
    branch_probability: list[float]


def step(engine: Engine, observation: Observation) -> Estimate | None:
    """The estimate at the latest time seen when `observation` changed it, None when it changed nothing.

    Raises FinError.ValueRefused and FinError.TimeBackwards; the engine is unchanged then.
    """
    if isinstance(observation, GnssFix):
        return engine.on_gnss(observation)
    if isinstance(observation, CellScan):
        return engine.on_cells(observation)
    return engine.on_speed(observation)


def replay(
    database: str | PathLike[str],
    drive: str | PathLike[str] | Iterable[Observation],
    *,
    public_key: str | None = None,
) -> Columns:
    """The rows of `fin replay` as columns: an estimate per full second and per observation that changed the answer.

    `drive` is a drive folder, or observations in time order. Each row rests on nothing that came later; observations that the
    engine refuses are left out, as on a phone. With a `public_key`, 64 hexadecimal digits as `fin keygen` writes them, the
    database has to be signed with it.

    Raises FinError for a database that cannot be used, FileNotFoundError and ValueError as `read_drive` does.
    """
    observations = read_drive(drive) if isinstance(drive, (str, PathLike)) else list(drive)
    path = fspath(database)
    engine = Engine.open(path) if public_key is None else Engine.open_signed(path, public_key)
    return _columns(_estimates(engine, observations))


def _estimates(engine: Engine, observations: list[Observation]) -> Iterator[Estimate]:
    if not observations:
        return
    second_ns = -(-observations[0].time_ns // _NS_PER_S) * _NS_PER_S
    end_ns = max(observation.time_ns for observation in observations)
    latest_ns: int | None = None
    for observation in observations:
        while second_ns < observation.time_ns:
            estimate = engine.predict(second_ns)
            if estimate is not None and estimate.time_ns != latest_ns:
                latest_ns = estimate.time_ns
                yield estimate
            second_ns += _NS_PER_S
        try:
            estimate = step(engine, observation)
        except (FinError.ValueRefused, FinError.TimeBackwards):
            continue
        if estimate is not None:
            latest_ns = estimate.time_ns
            yield estimate
    while second_ns <= end_ns:
        estimate = engine.predict(second_ns)
        if estimate is not None and estimate.time_ns != latest_ns:
            latest_ns = estimate.time_ns
            yield estimate
        second_ns += _NS_PER_S


def _columns(estimates: Iterable[Estimate]) -> Columns:
    columns = Columns(
        t_ms=[],
        lat_deg=[],
        lon_deg=[],
        accuracy_m=[],
        accuracy95_m=[],
        speed_mps=[],
        bearing_deg=[],
        way_id=[],
        offset_m=[],
        tunnel=[],
        mode=[],
        branch_probability=[],
    )
    for e in estimates:
        columns["t_ms"].append(e.time_ns // _NS_PER_MS)
        columns["lat_deg"].append(e.lat_deg)
        columns["lon_deg"].append(e.lon_deg)
        columns["accuracy_m"].append(e.accuracy_m)
        columns["accuracy95_m"].append(e.accuracy95_m)
        columns["speed_mps"].append(e.speed_mps)
        columns["bearing_deg"].append(e.bearing_deg)
        columns["way_id"].append(e.way_id)
        columns["offset_m"].append(e.offset_m)
        columns["tunnel"].append(e.tunnel)
        columns["mode"].append(e.mode.name.lower())
        columns["branch_probability"].append(e.branch_probability)
    return columns
