"""Several ways to take the memory out of a network, side by side over an option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from interp.figures.template import CLASS_COLOUR, INK, SPLIT_COLOUR, styled, word_axis
from interp.reproduction.evidence import Evidence, Trained, along, key_of, ticks, words
from interp.reproduction.grid import Grid, room_above
from interp.training.arguments import word
from interp.training.data.splits import SPLITS, Split
from interp.words.options import alone_name

_COLOURS = (*SPLIT_COLOUR.values(), CLASS_COLOUR["memorizing"], INK)
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "pentagon")
_PANEL = 220  # pixels of a panel's height


@dataclass(frozen=True)
class Methods:
    """What is drawn, a panel for each value of an option and each split.

    Attributes:
        methods: words by the start of a value's name, ``g`` for ``g.test_accuracy``.
        x: dotted path of the option along the panels.
        panels: dotted path of the option whose values get a panel each.
        controls: those of ``methods`` that learned nothing, or are chance; their lines are dotted.
        splits: rows of panels.
    """

    methods: Mapping[str, str]
    x: str
    panels: str
    controls: Sequence[str] = ()
    splits: Sequence[Split] = ("test", "corrupted")

    def __post_init__(self) -> None:
        for split in self.splits:
            word(split, SPLITS, "splits")
        for control in self.controls:
            word(control, tuple(self.methods), "controls")


def method_panels(evidence: Evidence, title: str, drawn: Methods) -> go.Figure:
    """Accuracy after each method against an option: mean of the seeds, bars from least to greatest.

    Args:
        evidence: the runs.
        title: of the figure.
        drawn: which methods, options and splits.
    """
    places = list(ticks(evidence.runs, drawn.panels))
    stands = ticks(evidence.runs, drawn.x)
    names = [words({drawn.panels: value}) for value in places]
    grid = Grid(len(places), len(drawn.splits))
    figure = grid.figure(names, shared_xaxes="columns", gaps=(0.06, 0.4))
    for place, value in enumerate(places):
        row, column = grid.at(place)
        runs = [one for one in evidence.runs if key_of(one.options[drawn.panels]) == value]
        for below, split in enumerate(drawn.splits):
            lines = _lines(runs, drawn, split, stands, in_legend=not place and not below)
            figure.add_traces(lines, rows=row + below, cols=column)
            if column == 1:
                figure.update_yaxes(title_text=f"{split} accuracy", row=row + below, col=column)
        last = row + len(drawn.splits) - 1
        figure.update_xaxes(title_text=alone_name(drawn.x), row=last, col=column)
    figure.update_yaxes(range=[-0.03, 1.03])
    figure.update_xaxes(**word_axis(stands.values()))
    height = 170 + _PANEL * grid.rows
    figure.update_layout(legend={"orientation": "h", "y": -70 / height - 0.04, "yanchor": "top"})
    seeds = ", ".join(map(str, evidence.seeds))
    caption = f"mean and range of seeds {seeds} · dotted: learned nothing, or chance"
    styled(figure, title, caption, height + 24 * -(-len(drawn.methods) // 3))
    bottom = 80 + 24 * -(-len(drawn.methods) // 3)
    return figure.update_layout(margin={"b": bottom, "t": room_above(names)})


def _lines(
    runs: Sequence[Trained],
    drawn: Methods,
    split: Split,
    stands: Mapping[Any, Any],
    in_legend: bool,
) -> list[go.Scatter]:
    """A line a method, through the means of the seeds at each value of the option."""
    found = []
    for number, (method, name) in enumerate(drawn.methods.items()):
        points = along(runs, drawn.x, stands, f"{method}.{split}_accuracy")
        at = list(points)
        mean = [sum(points[x]) / len(points[x]) for x in at]
        found.append(
            go.Scatter(
                x=at,
                y=mean,
                error_y={
                    "array": [max(points[x]) - y for x, y in zip(at, mean, strict=True)],
                    "arrayminus": [y - min(points[x]) for x, y in zip(at, mean, strict=True)],
                    "thickness": 1.2,
                },
                mode="lines+markers",
                name=name,
                legendgroup=method,
                showlegend=in_legend,
                marker={"size": 7, "symbol": _SYMBOLS[number % len(_SYMBOLS)]},
                line={
                    "color": _COLOURS[number % len(_COLOURS)],
                    "dash": "dot" if method in drawn.controls else "solid",
                    "width": 1.8,
                },
                hovertemplate=f"%{{x}}<br>%{{y:.3f}}<extra>{name}</extra>",
            )
        )
    return found
