"""One look for every figure: colours that the colour-blind tell apart, one word a thing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from interp.analysis.caption import place
from interp.figures.log_axes import log_ticks
from interp.training.data.splits import Split

if TYPE_CHECKING:  # it loads torch, for which the explorer's first page does not wait
    from interp.training.runs.run import Run

# Okabe and Ito's palette. Splits also differ in dash, classes in marker.
SPLIT_COLOUR: Mapping[Split, str] = {
    "train": "#0072B2",
    "test": "#009E73",
    "corrupted": "#D55E00",
    "corrected": "#CC79A7",
    "clean": "#56B4E9",
    "all": "#5F5F5F",
}
SPLIT_DASH: Mapping[Split, str] = {
    "train": "solid",
    "test": "solid",
    "corrupted": "solid",
    "corrected": "dashdot",
    "clean": "dash",
    "all": "dot",
}
CLASS_COLOUR: Mapping[str, str] = {
    "generalizing": "#0072B2",
    "memorizing": "#E69F00",
    "dead": "#8C8C8C",
}
_LINE = 105  # characters of a caption
INK, FAINT = "#222222", "#E4E4E4"

HTML_CONFIG: Mapping[str, Any] = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
}

_AXIS = {
    "showline": True,
    "linecolor": INK,
    "ticks": "outside",
    "tickcolor": INK,
    "gridcolor": FAINT,
    "zeroline": False,
    "automargin": True,
    "title": {"standoff": 8},
}
TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": "Inter, Helvetica, Arial, sans-serif", "size": 13, "color": INK},
        "title": {
            "x": 0.0,
            "xref": "paper",
            "xanchor": "left",
            "font": {"size": 16},
            "y": 1.0,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 14},
        },
        "margin": {"l": 64, "r": 24, "t": 84, "b": 56},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "legend": {"bgcolor": "rgba(255,255,255,0.8)"},
        "colorway": list(SPLIT_COLOUR.values()),
        "hoverlabel": {"font": {"size": 12}},
    }
)


def styled(figure: go.Figure, title: str, caption: str, height: int = 420) -> go.Figure:
    """Gives a figure the common look, its title and, below it, where its numbers come from."""
    lines = caption if "<br>" in caption else _in_lines(caption)
    subtitle = {"text": lines, "font": {"size": 11, "color": "#555"}}
    figure.update_layout(
        template=TEMPLATE, height=height, title={"text": title, "subtitle": subtitle}
    )
    if "<br>" in lines and "<br>" not in caption:
        figure.update_layout(margin={"t": 84 + 15 * lines.count("<br>")})
    log_ticks(figure)
    return figure


def _in_lines(caption: str) -> str:
    """A caption broken between its parts, so that it fits a figure of 700 pixels."""
    lines: list[str] = []
    for part in caption.split(" · "):
        if lines and len(lines[-1]) + 3 + len(part) <= _LINE:
            lines[-1] += f" · {part}"
        else:
            lines.append(part)
    return "<br>".join(lines)


def faint(colour: str, opacity: float) -> str:
    """A colour #rrggbb that lets through what lies behind it."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def run_caption(run: Run, step: int | None = None) -> str:
    """The setting of a run in one line; of one that was not trained here, what it is instead."""
    config = run.config
    parts = [
        config.task.title,
        *(
            [f"α = {config.data.fraction:g}", f"ξ = {config.data.corruption:g}"]
            if run.knows_data
            else []
        ),
        f"{config.optimizer.name}, wd {config.optimizer.weight_decay:g}"
        if run.origin.trained_here
        else run.origin.kind,
        config.model.summary,
    ]
    return place(run.seed, step, *parts)


def word_axis(places: Iterable[Any]) -> dict[str, Any]:
    """Settings of an axis along which words stand, in this order; none where all are numbers.

    Beside a few words plotly would take numbers for an axis of numbers, and draw no word.
    """
    every = list(dict.fromkeys(places))
    if not any(isinstance(one, str) for one in every):
        return {}
    return {"type": "category", "categoryorder": "array", "categoryarray": every}
