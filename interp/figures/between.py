"""The area between two curves, as bands over seeds and draws are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Shaped

from interp.figures.template import faint


def between(
    x: Shaped[np.ndarray, " point"],
    first: Float[np.ndarray, " point"],
    second: Float[np.ndarray, " point"],
    colour: str,
    opacity: float = 0.15,
    **options: Any,
) -> go.Scatter:
    """The area between two curves over the same points, without a line around it.

    Args:
        x: the points.
        first: of one curve.
        second: of the other.
        colour: of the area.
        opacity: of the colour.
        options: of the trace.
    """
    return go.Scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([first, second[::-1]]).astype(np.float32),
        fill="toself",
        fillcolor=faint(colour, opacity),
        line={"width": 0},
        hoverinfo="skip",
        **options,
    )
