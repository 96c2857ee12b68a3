"""Critical values as a line over a phase diagram."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np
import plotly.graph_objects as go

from interp.analysis.sweeps.boundary import Boundary
from interp.analysis.sweeps.critical_value import CriticalValue
from interp.figures.diagram.scale import Scale
from interp.figures.template import INK


def critical_line(
    boundary: Boundary, panel: Any, x: Scale, y: Scale, first: bool
) -> list[go.Scatter]:
    """Critical values as a flat line across each column, white below black; their intervals."""
    low, high = (float(edge) for edge in y.edges[[0, -1]])
    right: list[float] = []
    up: list[float] = []
    found = [(row, row.value) for row in boundary.rows if row.panel == panel]
    values = [(row, value) for row, value in found if value is not None]
    for row, value in values:
        right += x.cell(row.x, 0)
        up += [min(max(value, low), high)] * 2
    place = {"x": np.array(right, dtype=np.float32), "y": np.array(up, dtype=np.float32)}
    common = {"mode": "lines", "hoverinfo": "skip", "legendgroup": "critical value"}
    halo = go.Scatter(**place, **common, line={"color": "white", "width": 5}, showlegend=False)
    line = go.Scatter(
        **place,
        **common,
        line={"color": INK, "width": 2},
        name="critical value",
        legendrank=1001,
        showlegend=first,
    )
    on_grid = [(row, value) for row, value in values if isfinite(value)]
    return [halo, line, _intervals(on_grid, x, (low, high))]


def _intervals(
    values: Sequence[tuple[CriticalValue, float]], x: Scale, ends: tuple[float, float]
) -> go.Scatter:
    """Error bars, to the end of the grid where an interval goes beyond it."""
    low = [value if row.low is None else max(row.low, ends[0]) for row, value in values]
    high = [value if row.high is None else min(row.high, ends[1]) for row, value in values]
    value = np.array([value for _, value in values], dtype=np.float32)
    return go.Scatter(
        x=np.array([x.at(row.x) for row, _ in values], dtype=np.float32),
        y=value,
        mode="markers",
        marker={"size": 1, "color": INK},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": np.array(high, dtype=np.float32) - value,
            "arrayminus": value - np.array(low, dtype=np.float32),
            "color": INK,
            "thickness": 1.6,
            "width": 4,
        },
        legendgroup="critical value",
        showlegend=False,
        hoverinfo="skip",
    )
