"""Cosines between the logits and the character of each irrep, beside controls."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import plotly.graph_objects as go

from interp.analysis.mechanism.characters import Characters
from interp.figures.expected import expect
from interp.figures.marks import Mark
from interp.figures.template import CLASS_COLOUR, FAINT, SPLIT_COLOUR, styled

_MOST = 20  # irreps, by the power of the logits
_LINE, _AROUND = 24, 230  # pixels
# A hollow mark is larger, so that it is seen around another.
_LOOKS = (
    Mark("all pairs", "cosine", "circle", SPLIT_COLOUR["train"], 9),
    Mark("test pairs", "cosine_test", "diamond", SPLIT_COLOUR["test"], 9),
    Mark("lookup table, all pairs", "cosine_lookup", "circle-open", SPLIT_COLOUR["train"], 14),
    Mark(
        "lookup table, test pairs", "cosine_test_lookup", "diamond-open", SPLIT_COLOUR["test"], 14
    ),
    Mark("untrained, all pairs", "cosine_untrained", "x-thin-open", CLASS_COLOUR["dead"], 9),
)


def characters(result: Characters) -> go.Figure:
    """A line an irrep, those with most of the power of the logits first; hollow marks: controls.

    Args:
        result: from the measure ``characters``.
    """
    expect(result, Characters)
    frame = result.to_pandas()
    shown = frame[:_MOST]
    labels = [f"{name} · {power:.0%}" for name, power in shown["power"].items()]
    figure = go.Figure(list(_marks(shown, labels)))
    figure.update_xaxes(title_text="cosine of logits and character")
    figure.update_yaxes(
        autorange="reversed",
        type="category",
        categoryorder="array",
        categoryarray=labels,
        gridcolor=FAINT,
        tickfont={"size": 11},
    )
    height = _AROUND + _LINE * len(shown)
    figure.update_layout(legend={"orientation": "h", "y": -70 / (height - _AROUND)})
    figure.update_layout(title={"x": 0.02, "xref": "container"})
    some = f" · {len(shown)} of {len(frame)} shown" if len(frame) > len(shown) else ""
    caption = f"{result.about} · {result.name} · in percent: share of the logits power{some}"
    return styled(figure, "Logits as characters", caption, height=height)


def _marks(shown: pd.DataFrame, labels: list[str]) -> Iterator[go.Scatter]:
    for look in _LOOKS:
        if look.field in shown and shown[look.field].notna().any():
            yield go.Scatter(
                x=shown[look.field],
                y=labels,
                mode="markers",
                name=look.name,
                marker={
                    "symbol": look.symbol,
                    "color": look.colour,
                    "size": look.size,
                    "line": {"width": 1.6 if "open" in look.symbol else 0},
                },
                hovertemplate="%{y}<br>cosine %{x:.4f}<extra>" + look.name + "</extra>",
            )
