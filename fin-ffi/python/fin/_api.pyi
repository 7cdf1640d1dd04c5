from enum import Enum
from typing import ClassVar, NoReturn

__all__ = [
    "CellReading",
    "CellScan",
    "Diagnostics",
    "Engine",
    "Estimate",
    "FinError",
    "GnssFix",
    "Mode",
    "Rat",
    "SpeedSample",
]

class Rat(Enum):
    LTE = 0
    NR = 1
    WCDMA = 2
    GSM = 3
    UNKNOWN = 4

class Mode(Enum):
    GNSS = 0
    TUNNEL = 1
    DEAD_RECKONING = 2
    REACQUIRING = 3

class GnssFix:
    time_ns: int
    lat_deg: float
    lon_deg: float
    accuracy_m: float | None
    speed_mps: float | None
    bearing_deg: float | None
    def __init__(
        self,
        *,
        time_ns: int,
        lat_deg: float,
        lon_deg: float,
        accuracy_m: float | None,
        speed_mps: float | None,
        bearing_deg: float | None,
    ) -> None: ...
    def __eq__(self, other: object) -> bool: ...

class SpeedSample:
    time_ns: int
    speed_mps: float
    def __init__(
        self,
        *,
        time_ns: int,
        speed_mps: float,
    ) -> None: ...
    def __eq__(self, other: object) -> bool: ...

class CellReading:
    rat: Rat
    mcc: int | None
    mnc: int | None
    tac: int | None
    cell_id: int | None
    arfcn: int | None
    pci: int | None
    serving: bool
    rsrp_dbm: float | None
    rsrq_db: float | None
    def __init__(
        self,
        *,
        rat: Rat,
        mcc: int | None,
        mnc: int | None,
        tac: int | None,
        cell_id: int | None,
        arfcn: int | None,
        pci: int | None,
        serving: bool,
        rsrp_dbm: float | None,
        rsrq_db: float | None,
    ) -> None: ...
    def __eq__(self, other: object) -> bool: ...

class CellScan:
    time_ns: int
    cells: list[CellReading]
    def __init__(
        self,
        *,
        time_ns: int,
        cells: list[CellReading],
    ) -> None: ...
    def __eq__(self, other: object) -> bool: ...

class Estimate:
    time_ns: int
    lat_deg: float
    lon_deg: float
    accuracy_m: float
    accuracy95_m: float
    speed_mps: float | None
    bearing_deg: float | None
    way_id: int | None
    offset_m: float | None
    tunnel: str | None
    mode: Mode
    branch_probability: float
    def __init__(
        self,
        *,
        time_ns: int,
        lat_deg: float,
        lon_deg: float,
        accuracy_m: float,
        accuracy95_m: float,
        speed_mps: float | None,
        bearing_deg: float | None,
        way_id: int | None,
        offset_m: float | None,
        tunnel: str | None,
        mode: Mode,
        branch_probability: float,
    ) -> None: ...
    def __eq__(self, other: object) -> bool: ...

class Diagnostics:
    fixes_taken: int
    fixes_inaccurate: int
    fixes_stale: int
    fixes_inside: int
    fixes_outlying: int
    fixes_awaiting: int
    starts: int
    speeds_taken: int
    scans_taken: int
    scans_repeated: int
    scans_unknown: int
    observations_refused: int
    silences: int
    clocks_set_back: int
    def __init__(
        self,
        *,
        fixes_taken: int,
        fixes_inaccurate: int,
        fixes_stale: int,
        fixes_inside: int,
        fixes_outlying: int,
        fixes_awaiting: int,
        starts: int,
        speeds_taken: int,
        scans_taken: int,
        scans_repeated: int,
        scans_unknown: int,
        observations_refused: int,
        silences: int,
        clocks_set_back: int,
    ) -> None: ...
    def __eq__(self, other: object) -> bool: ...

class TunnelFit:
    tunnel: str
    way_id: int
    readings: int
    unheard: int
    off_level: int
    misplaced: int
    staleness: float
    def __init__(
        self,
        *,
        tunnel: str,
        way_id: int,
        readings: int,
        unheard: int,
        off_level: int,
        misplaced: int,
        staleness: float,
    ) -> None: ...
    def __eq__(self, other: object) -> bool: ...

class FinError(Exception):
    DatabaseMissing: ClassVar[type[FinError]]
    DatabaseUnreadable: ClassVar[type[FinError]]
    DatabaseVersion: ClassVar[type[FinError]]
    DatabaseCorrupt: ClassVar[type[FinError]]
    DatabaseUnsigned: ClassVar[type[FinError]]
    DatabaseOfOtherKey: ClassVar[type[FinError]]
    DatabaseAltered: ClassVar[type[FinError]]
    KeyRefused: ClassVar[type[FinError]]
    ValueRefused: ClassVar[type[FinError]]
    TimeBackwards: ClassVar[type[FinError]]
    SnapshotVersion: ClassVar[type[FinError]]
    SnapshotOfOtherDatabase: ClassVar[type[FinError]]
    SnapshotCorrupt: ClassVar[type[FinError]]
    Closed: ClassVar[type[FinError]]
    Internal: ClassVar[type[FinError]]

class Engine:
    # An engine comes from `open` or `open_signed`; calling the class fails.
    def __init__(self, *args: NoReturn, **kwargs: NoReturn) -> None: ...
    @classmethod
    def open(cls, path: str) -> Engine: ...
    @classmethod
    def open_signed(cls, path: str, public_key: str) -> Engine: ...
    def on_gnss(self, fix: GnssFix) -> Estimate | None: ...
    def on_speed(self, sample: SpeedSample) -> Estimate | None: ...
    def on_cells(self, scan: CellScan) -> Estimate | None: ...
    def predict(self, time_ns: int) -> Estimate | None: ...
    def snapshot(self) -> bytes: ...
    def restore(self, snapshot: bytes) -> None: ...
    def diagnostics(self) -> Diagnostics: ...
    def tunnel_fits(self) -> list[TunnelFit]: ...
    def shutdown(self) -> None: ...
