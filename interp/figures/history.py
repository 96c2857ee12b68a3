"""Values of a measure over the checkpoints of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from interp.analysis.trajectory.history import History
from interp.figures.template import styled
from interp.training.display import Value
from interp.words.names import value_words

_CONTROLS = (
    "_control",
    "_lookup",
    "lazy",
    "random",
    "vote",
    "untrained",
    "gaussian",
    "shuffled",
    "chance",
)
_MOST = 6  # lines, unless names are given


def history(found: History, names: Sequence[str] | None = None) -> go.Figure:
    """Values against the step, a line each, dotted for controls; logarithmic steps from 1 on.

    Args:
        found: from :func:`interp.history`.
        names: of the values to draw; by default those that lead, or the first six numbers.

    Raises:
        ValueError: if a name is none of the values'.
    """
    numeric = [name for name in found.names if any(_number(row.get(name)) for row in found.rows)]
    for name in names or ():
        if name not in numeric:
            raise ValueError(f"history: expected one of {', '.join(numeric)}; got {name!r}")
    figure = go.Figure()
    for name in names or numeric[: len(found.main) or _MOST]:
        values = [row.get(name) for row in found.rows]
        figure.add_trace(
            go.Scatter(
                x=[max(step, 1) for step in found.steps],
                y=np.array([v if _number(v) else np.nan for v in values], dtype=np.float32),
                mode="lines+markers",
                name=value_words(name),
                line={"dash": "dot" if _is_control(name) else "solid"},
                hovertemplate="step %{x}<br>%{y:.4g}<extra>" + value_words(name) + "</extra>",
            )
        )
    figure.update_xaxes(title_text="step", type="log")
    figure.update_yaxes(title_text="value")
    figure.update_layout(legend={"orientation": "h", "y": -0.22}, showlegend=True)
    return styled(figure, f"{found.measure} over training", found.caption)


def _is_control(name: str) -> bool:
    """Whether a value's name says that it is of a control."""
    return any(word in name for word in _CONTROLS)


def _number(value: Value) -> bool:
    right = isinstance(value, int | float) and not isinstance(value, bool)
    return right and math.isfinite(float(value))  # type: ignore[arg-type]
