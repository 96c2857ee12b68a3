"""Dots by ranking: the two networks that a ranking finds, and what decoys make of it."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.mechanism.decoys import DECOYS, ORIGINAL, Decoys
from interp.analysis.mechanism.partition import Partition
from interp.figures.expected import expect
from interp.figures.template import INK, SPLIT_COLOUR, styled
from interp.training.data.splits import Split

_SHOWN: tuple[Split, ...] = ("test", "corrupted")
_FILLED, _HOLLOW, _SUM = "circle", "circle-open", "diamond-open"


def partition(result: Partition) -> go.Figure:
    """Left, γ_G, γ_R and their sum by ranking; right, accuracies of the two networks.

    Filled: the top network, hollow: the bottom one. Beyond the line at 1 they share neurons.
    """
    expect(result, Partition)
    figure = _panels(["share of the neurons", "accuracy"], ["γ, share of neurons", "accuracy"])
    rankings, rows = list(result.rows), [one.values() for one in result.rows.values()]
    left = (
        ("γ<sub>G</sub>, top", "gamma_G", SPLIT_COLOUR["test"], _FILLED),
        ("γ<sub>R</sub>, bottom", "gamma_R", SPLIT_COLOUR["corrupted"], _HOLLOW),
        ("γ<sub>G</sub> + γ<sub>R</sub>", "sum", INK, _SUM),
    )
    for name, key, colour, symbol in left:
        trace = _dots(name, rankings, [row[key] for row in rows], colour, symbol)
        figure.add_trace(trace, row=1, col=1)
    for network, symbol in (("top", _FILLED), ("bottom", _HOLLOW)):
        for split in _SHOWN:
            values = [row[f"{network}.{split}_accuracy"] for row in rows]
            trace = _dots(f"{split}, {network}", rankings, values, SPLIT_COLOUR[split], symbol)
            figure.add_trace(trace, row=1, col=2)
    figure.add_vline(x=1, line={"color": INK, "dash": "dash", "width": 1}, row=1, col=1)
    figure.update_xaxes(range=[-0.03, 2.03], row=1, col=1)
    title = "How few neurons hold the rule, and how few the wrong labels"
    return styled(figure, title, result.about, _height(rankings))


def decoys(result: Decoys) -> go.Figure:
    """Accuracy after pruning by each ranking, of the network and of each of its decoys.

    Filled: the network; hollow: the decoy, which computes the same function.
    """
    expect(result, Decoys)
    figure = _panels(list(DECOYS), ["accuracy after pruning"] * 2)
    rankings = list(result.scores)
    for column, decoy in enumerate(DECOYS, start=1):
        for network, symbol in ((ORIGINAL, _FILLED), (decoy, _HOLLOW)):
            for split in _SHOWN:
                key = f"{split}_accuracy"
                values = [result.scores[ranking][network][key] for ranking in rankings]
                word = "before" if network == ORIGINAL else "rescaled"
                trace = _dots(f"{split}, {word}", rankings, values, SPLIT_COLOUR[split], symbol)
                trace.update(legendgroup=f"{split} {word}", showlegend=column == 1)
                figure.add_trace(trace, row=1, col=column)
    title = "Rankings under rescaled neurons that compute the same"
    return styled(figure, title, result.about, _height(rankings))


def _panels(titles: Sequence[str], axes: Sequence[str]) -> go.Figure:
    figure = make_subplots(
        rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.05, subplot_titles=titles
    )
    for column, title in enumerate(axes, start=1):
        figure.update_xaxes(title_text=title, range=[-0.03, 1.03], row=1, col=column)
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_layout(legend={"orientation": "h", "y": -0.25})
    return figure


def _dots(
    name: str, rankings: Sequence[str], values: Sequence[object], colour: str, symbol: str
) -> go.Scatter:
    """A dot a ranking; hollow ones are larger, so that both are seen where they lie together."""
    hollow = symbol != _FILLED
    return go.Scatter(
        x=values,
        y=rankings,
        mode="markers",
        name=name,
        marker={
            "color": colour,
            "symbol": symbol,
            "size": 14 if hollow else 8,
            "line": {"width": 2 if hollow else 0},
        },
        hovertemplate="%{y}: %{x:.4f}<extra>" + name + "</extra>",
    )


def _height(rankings: Sequence[str]) -> int:
    return 260 + 30 * len(rankings)
