"""Position in road tunnels: the engine of `fin`, and replays of recorded drives as columns.

>>> import fin
>>> columns = fin.replay("city.fin", "drives/2025-06-30")        # doctest: +SKIP
>>> pandas.DataFrame(columns)                                    # doctest: +SKIP
"""

from ._api import (
    CellReading,
    CellScan,
    Diagnostics,
    Engine,
    Estimate,
    FinError,
    GnssFix,
    Mode,
    Rat,
    SpeedSample,
    TunnelFit,
)
from .drive import Observation, read_drive
from .replay import Columns, replay, step

__all__ = [
    "CellReading",
    "CellScan",
    "Columns",
    "Diagnostics",
    "Engine",
    "Estimate",
    "FinError",
    "GnssFix",
    "Mode",
    "Observation",
    "Rat",
    "SpeedSample",
    "TunnelFit",
    "read_drive",
    "replay",
    "step",
]
