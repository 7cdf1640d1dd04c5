"""The generated bindings under their public names; `_api.pyi` has their types, which the generator leaves open."""

from .fin_ffi import (
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
    "TunnelFit",
]
