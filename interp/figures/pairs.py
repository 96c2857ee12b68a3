"""Every pair of operands as a cell: its margin, split, answer, or the step it was learned at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from interp.analysis.memorization.pair_rows import PairTable
from interp.figures.expected import expect
from interp.figures.template import INK, SPLIT_COLOUR, styled
from interp.training.data.splits import PARTS

_BAR = {"orientation": "h", "y": -0.12, "yanchor": "top", "thickness": 12, "len": 0.9}
_NEVER = "#C8C8C8"
_TICKS = 6  # of steps on the bar of colours
# The first and the last answer of x + y are neighbours, so the scale ends where it begins.
_AROUND = "Phase"
_HOVER = (
    "pair (%{x}, %{y}), %{customdata[0]}<br>true %{customdata[1]}, given %{customdata[2]}<br>"
    "answered %{customdata[3]}, margin %{customdata[4]}<br>"
    "learned at %{customdata[5]}, forgotten %{customdata[6]} times<br>"
    "pruned network %{customdata[7]}, filtered %{customdata[8]}<extra></extra>"
)


@dataclass(frozen=True)
class _Layer:
    """One way to colour the cells: a value a pair, and the colours of the values."""

    name: str
    values: np.ndarray
    look: dict[str, Any]


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
    layers = _layers(found)
    for place, layer in enumerate(layers):
        cells = {"z": _grid(found, layer.values), "visible": place == 0, "hoverinfo": "skip"}
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


def _layers(found: PairTable) -> list[_Layer]:
    """The ways to colour; there is no step learned without a history."""
    finite = found.margin[np.isfinite(found.margin)]
    most = float(np.abs(finite).max(initial=0)) or 1.0
    colours = [SPLIT_COLOUR[part] for part in PARTS]
    answered = np.where(found.answered < 0, np.nan, found.answered)
    layers = [
        _Layer("margin", found.margin, _scale("RdBu", (-most, most), "margin of the label")),
        _Layer("split", found.dataset.parts.argmax(axis=0), _bands(colours, PARTS, "split")),
        _Layer("answer", answered, _scale(_AROUND, (0, found.dataset.task.n_answers), "answer")),
    ]
    if found.learned is not None:
        layers.append(_learned(found.learned, found.steps))
    return layers


def _learned(learned: np.ndarray, steps: tuple[int, ...]) -> _Layer:
    """Checkpoints are bands of equal height, however far apart their steps are; never is grey."""
    band = np.where(np.isfinite(learned), np.searchsorted(steps, learned), len(steps))
    shades = sample_colorscale("Viridis", np.linspace(0, 1, len(steps)))
    every = -(-len(steps) // _TICKS)
    # The last step has no name, which would run into "never".
    shown = range(0, max(1, len(steps) - 1), every)
    names = [str(step) if i in shown else "" for i, step in enumerate(steps)]
    look = _bands([*shades, _NEVER], [*names, "never"], "learned at step")
    return _Layer("step learned", band, look)


def _scale(name: str, span: tuple[float, float], title: str) -> dict[str, Any]:
    bar = {**_BAR, "title": {"text": title, "side": "top"}, "tickangle": 0}
    return {"colorscale": name, "zmin": span[0], "zmax": span[1], "colorbar": bar}


def _bands(colours: Any, names: Any, title: str) -> dict[str, Any]:
    """A colour a whole number from 0 on, each with its name on the bar."""
    edges = np.linspace(0, 1, len(colours) + 1)
    scale = [[edge, c] for i, c in enumerate(colours) for edge in edges[i : i + 2]]
    found = _scale("", (-0.5, len(colours) - 0.5), title)
    ticks = {
        "tickvals": [i for i, name in enumerate(names) if name],
        "ticktext": [*filter(None, names)],
    }
    return {**found, "colorscale": scale, "colorbar": {**found["colorbar"], **ticks}}


def _grid(found: PairTable, values: np.ndarray) -> np.ndarray:
    """(second operand, first operand): values of the pairs; NaN where there is no pair."""
    p = found.dataset.task.p
    grid = np.full((p, p), np.nan, dtype=np.float32)
    x, y = found.dataset.pairs.T
    grid[y, x] = values
    return grid


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
        z=_grid(found, found.margin),
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


def _add_buttons(figure: go.Figure, layers: list[_Layer]) -> None:
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
