"""How pairs may be coloured, the same in figures, report and explorer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from plotly.colors import get_colorscale, sample_colorscale

from interp.analysis.memorization.pair_rows import PairTable
from interp.figures.template import CLASS_COLOUR, SPLIT_COLOUR
from interp.training.data.splits import PARTS

_BAR = {"orientation": "h", "y": -0.12, "yanchor": "top", "thickness": 12, "len": 0.9}
_NEVER = "#C8C8C8"
_TICKS = 6  # of steps on the bar of colours
# The first and the last answer of x + y are neighbours, so the scale ends where it begins.
_AROUND = "Phase"
DIVERGING = get_colorscale("RdBu")  # red below 0, blue above
OUTCOMES = {
    "right": CLASS_COLOUR["generalizing"],
    "memorized": CLASS_COLOUR["memorizing"],
    "corrected": SPLIT_COLOUR["test"],
    "neither": SPLIT_COLOUR["all"],
}


@dataclass(frozen=True)
class Layer:
    """One way to colour the cells.

    Attributes:
        name: of the choice.
        values: of each pair; NaN for none.
        look: the colours of the values, as a heat map of plotly takes them.
        words: what the colours mean, in a sentence.
    """

    name: str
    values: np.ndarray
    look: dict[str, Any]
    words: str


def outcomes(found: PairTable) -> np.ndarray:
    """Of each pair the place of its outcome in :data:`OUTCOMES`."""
    return np.select([found.memorized, found.corrected, found.right], [1, 2, 0], 3)


def layers_of(found: PairTable) -> dict[str, Layer]:
    """Every way to colour, by name; there is no step learned without a history."""
    finite = found.margin[np.isfinite(found.margin)]
    most = float(np.abs(finite).max(initial=0)) or 1.0
    colours = [SPLIT_COLOUR[part] for part in PARTS]
    answered = np.where(found.answered < 0, np.nan, found.answered)
    layers = [
        Layer(
            "split",
            found.dataset.parts.argmax(axis=0),
            bands(colours, PARTS, "split"),
            "Clean: in training with the label left alone. Corrupted: in training with a redrawn "
            "label, which may be right by chance. Test: held out.",
        ),
        Layer(
            "outcome",
            outcomes(found),
            bands([*OUTCOMES.values()], [*OUTCOMES], "outcome"),
            "Right: the label is true and answered. Memorized: the label is wrong and answered. "
            "Corrected: the label is wrong, the answer true. Neither: any other answer, or a tie.",
        ),
        Layer(
            "margin",
            found.margin,
            scale("RdBu", (-most, most), "margin of the label"),
            "Logit of the label less the greatest other one: of the given label in training, of "
            "the true answer in test. It is above 0 where the label is answered.",
        ),
        Layer(
            "answer",
            answered,
            scale(_AROUND, (0, found.dataset.task.n_answers), "answer"),
            "What the network answers; empty where two logits tie.",
        ),
    ]
    if found.learned is not None:
        layers.append(_learned(found.learned, found.steps))
    return {layer.name: layer for layer in layers}


def _learned(learned: np.ndarray, steps: tuple[int, ...]) -> Layer:
    """Checkpoints are bands of equal height, however far apart their steps are; never is grey."""
    band = np.where(np.isfinite(learned), np.searchsorted(steps, learned), len(steps))
    shades = sample_colorscale("Viridis", np.linspace(0, 1, len(steps)))
    every = -(-len(steps) // _TICKS)
    # The last step has no name, which would run into "never".
    shown = range(0, max(1, len(steps) - 1), every)
    names = [str(step) if i in shown else "" for i, step in enumerate(steps)]
    look = bands([*shades, _NEVER], [*names, "never"], "learned at step")
    words = "The first checkpoint from which the label is answered until the last one."
    return Layer("step learned", band, look, words)


def scale(name: str, span: tuple[float, float], title: str) -> dict[str, Any]:
    """Colours of a named scale over a span, with a bar below."""
    bar = {**_BAR, "title": {"text": title, "side": "top"}, "tickangle": 0}
    colours = get_colorscale(name) if name else []  # a name means others to plotly's script
    return {"colorscale": colours, "zmin": span[0], "zmax": span[1], "colorbar": bar}


def bands(colours: Sequence[str], names: Sequence[str], title: str) -> dict[str, Any]:
    """A colour a whole number from 0 on, each with its name on the bar."""
    edges = np.linspace(0, 1, len(colours) + 1).tolist()
    steps = [[edge, c] for i, c in enumerate(colours) for edge in edges[i : i + 2]]
    found = scale("", (-0.5, len(colours) - 0.5), title)
    ticks = {
        "tickvals": [i for i, name in enumerate(names) if name],
        "ticktext": [*filter(None, names)],
    }
    return {**found, "colorscale": steps, "colorbar": {**found["colorbar"], **ticks}}


def grid_of(found: PairTable, values: np.ndarray) -> np.ndarray:
    """(second operand, first operand): values of the pairs; NaN where there is no pair."""
    p = found.dataset.task.p
    grid = np.full((p, p), np.nan, dtype=np.float32)
    x, y = found.dataset.pairs.T
    grid[y, x] = values
    return grid
