"""The numbers of any result, a mark each, beside those of its control."""

from __future__ import annotations

import math
from typing import Any

import plotly.graph_objects as go

from interp.figures.template import CLASS_COLOUR, SPLIT_COLOUR, styled

_MOST = 40  # values; a longer list is for the table
_CONTROL = "_control"


def numbers(result: Any, title: str | None = None) -> go.Figure:
    """The numeric values of a result by name; those of a control as hollow diamonds beside them.

    Args:
        result: anything with ``values()`` and ``caption``.
        title: of the figure; by default the result's own, or its class.
    """
    found = {name: value for name, value in result.values().items() if _is_number(value)}
    beside = {name: v for name, v in found.items() if name.endswith(_CONTROL)}
    own = {name: v for name, v in found.items() if name not in beside}
    shown = list(own)[:_MOST]
    figure = go.Figure(_marks("value", shown, [own[name] for name in shown], False))
    if beside:
        names = [name for name in shown if name + _CONTROL in beside]
        values = [beside[name + _CONTROL] for name in names]
        figure.add_trace(_marks("control", names, values, True))
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(title_text="value", rangemode="tozero")
    figure.update_layout(showlegend=bool(beside), legend={"orientation": "h", "y": -0.25})
    caption = getattr(result, "about", result.caption)
    if len(own) > _MOST:
        caption += f" · the first {_MOST} of {len(own)} values"
    title = title or getattr(result, "title", "") or type(result).__name__
    return styled(figure, title, caption, 180 + 24 * max(len(shown), 3))


def _is_number(value: object) -> bool:
    right = isinstance(value, int | float) and not isinstance(value, bool)
    return right and math.isfinite(float(value))  # type: ignore[arg-type]


def _marks(word: str, names: list[str], values: list[float], hollow: bool) -> go.Scatter:
    return go.Scatter(
        x=values,
        y=names,
        mode="markers",
        name=word,
        marker={
            "size": 10,
            "symbol": "diamond-open" if hollow else "circle",
            "color": CLASS_COLOUR["dead"] if hollow else SPLIT_COLOUR["train"],
        },
        hovertemplate="%{y}: %{x:.4g}<extra>" + word + "</extra>",
    )
