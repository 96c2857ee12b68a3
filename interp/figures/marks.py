"""Values of named rows as marks along one axis: two colours of value, the controls hollow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np
import plotly.graph_objects as go

from interp.figures.template import FAINT

_LABEL = 34  # characters of a line of a label
# Colour, mark and size of the first value and the second: where they are equal, both are seen.
_LOOKS = (("#0072B2", "circle", 12), ("#D55E00", "diamond", 8))

# The values of a row, one or several of which the mean is drawn; none where it has none.
Values = Callable[[str, str], np.ndarray]


@dataclass(frozen=True)
class Mark:
    """How one kind of value is drawn: its name in the legend, and the field that it is of."""

    name: str
    field: str
    symbol: str
    colour: str
    size: int = 11


@dataclass(frozen=True)
class Row:
    """A row: its name, what it is called, and whether it is a control."""

    name: str
    words: str
    control: bool

    @property
    def label(self) -> str:
        """In short lines."""
        return "<br>".join(wrap(self.words, _LABEL))


def marks(
    rows: Sequence[Row], metrics: Mapping[str, str], values: Values, title: str
) -> tuple[go.Figure, int]:
    """A figure of rows, the controls behind the others; and its height in pixels.

    Args:
        rows: in their order.
        metrics: one or two, by name, with what the legend calls them.
        values: ``(row, metric)``: several are drawn as mean with a bar from least to greatest.
        title: of the axis.
    """
    ordered = [*(row for row in rows if not row.control), *(row for row in rows if row.control)]
    figure = go.Figure()
    for (metric, words), look in zip(metrics.items(), _LOOKS, strict=False):
        for control in (False, True):
            there = [row for row in ordered if row.control is control]
            figure.add_traces(list(_traces(there, values, metric, words, look)))
    figure.update_xaxes(title_text=title)
    figure.update_yaxes(
        autorange="reversed",
        gridcolor=FAINT,
        tickfont={"size": 11},
        categoryorder="array",
        categoryarray=[row.label for row in ordered],
    )
    figure.update_layout(legend={"orientation": "h", "y": 1.0, "yanchor": "bottom"})
    figure.update_layout(title={"x": 0.02, "xref": "container"}, showlegend=True)
    lines = max((row.label.count("<br>") + 1 for row in ordered), default=1)
    return figure, 210 + len(ordered) * (12 + 11 * lines)


def _traces(
    rows: Sequence[Row], values: Values, metric: str, words: str, look: tuple[str, str, int]
) -> Iterator[go.Scatter]:
    """The marks of one metric, all of them of controls or none."""
    colour, mark, size = look
    known = [(row, values(row.name, metric)) for row in rows]
    there = [(row, one) for row, one in known if len(one)]
    hollow = bool(rows) and rows[0].control
    means = np.array([one.mean() for _, one in there])
    yield go.Scatter(
        x=means,
        y=[row.label for row, _ in there],
        mode="markers",
        name=words,
        legendgroup=metric,
        showlegend=not hollow,
        marker={
            "size": size + 2 if hollow else size,
            "color": colour,
            "symbol": f"{mark}-open" if hollow else mark,
            "line": {"width": 2 if hollow else 0},
        },
        error_x=_bars([one for _, one in there], means, colour),
        customdata=[row.name for row, _ in there],
        hovertemplate=f"%{{customdata}}<br>{words} %{{x:.4f}}<extra></extra>",
    )


def _bars(each: list[np.ndarray], means: np.ndarray, colour: str) -> dict[str, Any] | None:
    """From the least to the greatest, where there are several."""
    if all(len(one) < 2 for one in each):
        return None
    return {
        "type": "data",
        "symmetric": False,
        "array": np.array([one.max() for one in each]) - means,
        "arrayminus": means - np.array([one.min() for one in each]),
        "color": colour,
        "thickness": 1.5,
        "width": 4,
    }
