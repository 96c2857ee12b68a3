"""Runs beside one another: a row a quantity, a mark a group; beside it the difference of two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.comparison.comparison import Comparison
from interp.analysis.comparison.paired import Tested
from interp.analysis.comparison.spread import Spread
from interp.figures.expected import expect
from interp.figures.overlay.lines import Look, finished, looks
from interp.figures.template import INK
from interp.training.arguments import listed
from interp.training.data.splits import SPLITS
from interp.words.compared import quantity, shared_words, test_cells

# What lies between 0 and 1, so that one axis serves all.
_SHARES = (*(f"{split}_accuracy" for split in SPLITS), "mean_ipr")
_BARS = "mark: mean over seeds, bar: least to greatest"
_APART = 0.2  # of the distance of two rows


def comparison(result: Comparison, quantities: Sequence[str] | None = None) -> go.Figure:
    """Mean of each quantity in each group, with a bar from least to greatest over its seeds.

    Of two groups, the lower panel has the mean difference with its bootstrap interval; what the
    pointer rests on tells the p-value.

    Args:
        result: from :func:`interp.analysis.comparison.compare.compare`.
        quantities: their names; by default accuracies and the mean IPR, which share an axis.

    Raises:
        ValueError: if there is no such quantity, or none of those that are drawn has a value.
    """
    expect(result, Comparison)
    names = _names(result, quantities)
    tested = any(name in result.differences for name in names)
    titles = ["value", "difference, second less first"][: 1 + tested]
    figure = make_subplots(rows=len(titles), cols=1, vertical_spacing=0.16)
    groups = looks(result.groups)
    for place, (look, spreads) in enumerate(zip(groups, result.spreads, strict=True)):
        beside = (place - (len(groups) - 1) / 2) * _APART
        figure.add_trace(_marks(look, names, [spreads.get(n) for n in names], beside), row=1, col=1)
    if tested:
        figure.add_trace(_differences(result, names), row=2, col=1)
        figure.add_vline(x=0, line={"color": INK, "dash": "dot", "width": 1}, row=2, col=1)
    for row, title in enumerate(titles, start=1):
        figure.update_xaxes(title_text=title, nticks=5, tickangle=0, row=row, col=1)
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=list(map(quantity, names)))
    figure.update_yaxes(range=[len(names) - 0.5, -0.5], zeroline=False)
    height = 190 + len(names) * max(24, 10 * len(groups))
    height += (70 + len(names) * 22) * tested
    return finished(figure, "Runs compared", _words(result), height)


def _words(result: Comparison) -> list[str]:
    """What the runs share, what marks and bars are, and how differences were tested."""
    found = result.groups
    words = shared_words(found) + ([_BARS] if found.folded else [])
    convention = [one for one in result.read if one.startswith("IPR:")]
    return words + convention + list(result.how)


def _names(result: Comparison, quantities: Sequence[str] | None) -> list[str]:
    asked = _SHARES if quantities is None else listed(quantities, "quantities")
    known = result.quantities
    if quantities is not None:
        for name in asked:
            if name not in known:
                raise ValueError(f"quantities: expected some of {', '.join(known)}; got {name!r}")
    means = [[one[n].mean for one in result.spreads if n in one] for n in asked]
    found = [
        n for n, values in zip(asked, means, strict=True) if any(v is not None for v in values)
    ]
    if not found:
        raise ValueError("quantities: expected one that has a value, found none")
    return found


def _marks(
    look: Look, names: Sequence[str], spreads: Sequence[Spread | None], beside: float
) -> go.Scatter:
    """A mark a quantity, at its mean."""
    there = [
        (at, one) for at, one in enumerate(spreads) if one is not None and one.mean is not None
    ]
    means = [one.mean for _, one in there]
    return go.Scatter(
        x=means,
        y=[at + beside for at, _ in there],
        mode="markers",
        name=look.name,
        legendgroup=look.key,
        marker={"color": look.colour, "size": 8},
        error_x=_bars(means, [(one.least, one.greatest) for _, one in there]),
        customdata=[names[at] for at, _ in there],
        hovertemplate=f"%{{customdata}}: %{{x:.4g}}<extra>{look.name}</extra>",
    )


def _differences(result: Comparison, names: Sequence[str]) -> go.Scatter:
    """A mark a difference, with its interval."""
    there = [
        (at, name, one.tested)
        for at, name in enumerate(names)
        if (one := result.differences.get(name)) is not None and one.tested is not None
    ]
    means = [one.mean for _, _, one in there]
    return go.Scatter(
        x=means,
        y=[at for at, _, _ in there],
        mode="markers",
        showlegend=False,
        marker={"color": INK, "size": 8, "symbol": "diamond"},
        error_x=_bars(means, [(one.low, one.high) for _, _, one in there]),
        customdata=["<br>".join([name, *_hover(one, name)]) for _, name, one in there],
        hovertemplate="%{customdata}<extra>difference</extra>",
    )


def _hover(one: Tested, name: str) -> list[str]:
    difference, interval, p_value = test_cells(one, name)
    return [difference, interval, f"p {p_value}"]


def _bars(
    means: Sequence[float | None], ends: Sequence[tuple[float | None, float | None]]
) -> dict[str, Any]:
    """From one end to the other; none where there are no ends."""
    pairs = [(m or 0.0, *one) for m, one in zip(means, ends, strict=True)]
    return {
        "type": "data",
        "symmetric": False,
        "array": [0 if high is None else high - mean for mean, _, high in pairs],
        "arrayminus": [0 if low is None else mean - low for mean, low, _ in pairs],
        "thickness": 1.5,
        "width": 3,
    }
