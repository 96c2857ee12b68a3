"""Every pair of operands as a cell: its margin, split, answer, or the step it was learned at."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from interp.analysis.memorization.pair_rows import PairTable
from interp.figures.expected import expect
from interp.figures.pair_looks import Layer, grid_of, layers_of
from interp.figures.template import INK, styled

_DRAWN = ("margin", "split", "answer", "step learned")
_HOVER = (
    "pair (%{x}, %{y}), %{customdata[0]}<br>true %{customdata[1]}, given %{customdata[2]}<br>"
    "answered %{customdata[3]}, margin %{customdata[4]}<br>"
    "learned at %{customdata[5]}, forgotten %{customdata[6]} times<br>"
    "pruned network %{customdata[7]}, filtered %{customdata[8]}<extra></extra>"
)


def pair_picture(found: PairTable, title: str | None = None) -> go.Figure:
    """A cell a pair, first operand to the right, second upwards; dots are wrong labels.

    Buttons choose what colours the cells. Cells outside of the task's domain are empty, and so is
    the answer where two logits tie.

    Args:
        found: of the measure ``pairs``.
        title: of the figure.
    """
    expect(found, PairTable)
    figure = go.Figure()
    every = layers_of(found)
    layers = [every[name] for name in _DRAWN if name in every]
    for place, layer in enumerate(layers):
        cells = {"z": grid_of(found, layer.values), "visible": place == 0, "hoverinfo": "skip"}
        figure.add_trace(go.Heatmap(**cells, **layer.look, name=layer.name))
    figure.add_trace(_hover(found))
    figure.add_trace(_wrong(found))
    edges = {"range": [-0.5, found.dataset.task.p - 0.5], "constrain": "domain", "showgrid": False}
    figure.update_xaxes(title_text="first operand", **edges)
    figure.update_yaxes(
        title_text="second operand", scaleanchor="x", constraintoward="top", **edges
    )
    _add_buttons(figure, layers)
    styled(
        figure,
        title or "Every pair of operands",
        _caption(found),
        height=760 + 15 * len(found.gaps),
    )
    legend = {"x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom", "orientation": "h"}
    figure.update_layout(legend=legend, title={"x": 0.02, "xref": "container"})
    top = 160 + 15 * len(found.gaps)
    return figure.update_layout(margin={"l": 56, "r": 16, "t": top, "b": 120})


def _caption(found: PairTable) -> str:
    """Two lines that fit a telephone, and what is not known."""
    run, history, *rest = found.caption.split(" · ")
    second = " · ".join([*rest, "margin in training: of the given label"])
    return "<br>".join([f"{run} · {history}", second, *found.gaps])


def _hover(found: PairTable) -> go.Heatmap:
    """Cells without colour, above the others, that say everything of their pair."""
    table = found.to_pandas()
    told = table[["split", "true", "given", "answered"]].astype(object)
    told["margin"] = [f"{one:.3f}" for one in table.margin]
    told["learned"] = [
        "never" if np.isinf(one) else "–" if np.isnan(one) else f"step {one:.0f}"
        for one in table.learned
    ]
    for name in ("forgotten", "pruned", "filtered"):
        told[name] = table[name].astype(object)
    told = told.where(told.notna(), "–")
    p = found.dataset.task.p
    words = np.full((p, p, told.shape[1]), "", dtype=object)
    words[table.y, table.x] = told.to_numpy()
    return go.Heatmap(
        z=grid_of(found, found.margin),
        customdata=words.tolist(),
        hovertemplate=_HOVER,
        hoverongaps=False,
        colorscale=[[0, "rgba(0,0,0,0)"], [1, "rgba(0,0,0,0)"]],
        showscale=False,
        name="pairs",
    )


def _wrong(found: PairTable) -> go.Scatter:
    x, y = found.dataset.pairs[found.wrong].T
    return go.Scatter(
        x=x,
        y=y,
        mode="markers",
        marker={"size": 2.5, "color": INK},
        name=f"wrong label in training ({len(x)})",
        showlegend=True,
        hoverinfo="skip",
    )


def _add_buttons(figure: go.Figure, layers: list[Layer]) -> None:
    """One a layer; cells that speak and dots always stay."""
    buttons = [
        {
            "label": layer.name,
            "method": "restyle",
            "args": [{"visible": [other is layer for other in layers]}, [*range(len(layers))]],
        }
        for layer in layers
    ]
    figure.update_layout(
        updatemenus=[
            {
                "type": "buttons",
                "direction": "right",
                "buttons": buttons,
                "x": 0,
                "xanchor": "left",
                "y": 1.06,
                "yanchor": "bottom",
                "font": {"size": 11},
                "pad": {"r": 2, "t": 0, "b": 0},
            }
        ]
    )
