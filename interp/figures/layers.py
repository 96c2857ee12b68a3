"""What can be read off at each hook point, by three decoders."""

from __future__ import annotations

from collections.abc import Iterator

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.memorization.decode import METHODS
from interp.analysis.memorization.hook_points import LOGITS
from interp.analysis.memorization.layers import ONE_HOT, Decoded, Layers
from interp.figures.expected import expect
from interp.figures.marks import Mark
from interp.figures.template import FAINT, INK, SPLIT_COLOUR, styled

_TITLES = {"masc": "MASC", "knn": "nearest neighbours", "probe": "linear probe"}
_WORDS = {ONE_HOT: "operands", LOGITS: "logits"}
_LINE, _AROUND, _GAP = 22, 290, 62  # pixels


# A hollow mark is larger, so that it is seen around another.
_LOOKS = (
    Mark("from given labels", "given", "circle", SPLIT_COLOUR["corrupted"], 9),
    Mark("from true labels", "true", "diamond", SPLIT_COLOUR["train"], 9),
    Mark("untrained, given", "untrained_given", "circle-open", SPLIT_COLOUR["corrupted"], 14),
    Mark("untrained, true", "untrained_true", "diamond-open", SPLIT_COLOUR["train"], 14),
)


def layers(result: Layers) -> go.Figure:
    """A panel a decoder, a line a hook point, first to last; the operands themselves at the end.

    Hollow marks are the untrained network; the dashed line is the network's own accuracy on the
    held-out pairs, the dotted one chance.

    Args:
        result: from the measure ``layers``.
    """
    expect(result, Layers)
    points = list(dict.fromkeys(one.where for one in result.rows))
    panel = _LINE * len(points)
    height = _AROUND + len(METHODS) * panel + (len(METHODS) - 1) * _GAP
    figure = make_subplots(
        rows=len(METHODS),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=_GAP / (height - _AROUND),
        subplot_titles=[_TITLES[method] for method in METHODS],
    )
    for row, method in enumerate(METHODS, start=1):
        rows = [one for one in result.rows if one.method == method]
        for trace in (*_marks(rows, row == 1), *_lines(result, rows, row == 1)):
            figure.add_trace(trace, row=row, col=1)
    figure.update_xaxes(range=[-0.04, 1.04])
    figure.update_xaxes(title_text="accuracy on held-out pairs", row=len(METHODS), col=1)
    figure.update_yaxes(
        autorange="reversed", type="category", gridcolor=FAINT, tickfont={"size": 11}
    )
    figure.update_annotations(font_size=13)
    figure.update_layout(legend={"orientation": "h", "y": -70 / (height - _AROUND)})
    return styled(figure, "What each layer tells of held-out pairs", result.about, height)


def _marks(rows: list[Decoded], legend: bool) -> Iterator[go.Scatter]:
    for look in _LOOKS:
        there = [(one, value) for one in rows if (value := getattr(one, look.field)) is not None]
        yield go.Scatter(
            x=[value for _, value in there],
            y=[_label(one) for one, _ in there],
            mode="markers",
            name=look.name,
            legendgroup=look.name,
            showlegend=legend and bool(there),
            marker={
                "symbol": look.symbol,
                "color": look.colour,
                "size": look.size,
                "line": {"width": 1.6 if "open" in look.symbol else 0},
            },
            hovertemplate="%{y}<br>accuracy %{x:.4f}<extra>" + look.name + "</extra>",
        )


def _lines(result: Layers, rows: list[Decoded], legend: bool) -> Iterator[go.Scatter]:
    labels = [_label(one) for one in rows]
    lines = (("own accuracy", result.accuracy, "dash"), ("chance", result.chance, "dot"))
    for name, value, dash in lines:
        yield go.Scatter(
            x=[value] * len(labels),
            y=labels,
            mode="lines",
            name=name,
            legendgroup=name,
            showlegend=legend,
            line={"color": INK, "dash": dash, "width": 1.4},
            hovertemplate=f"{name} %{{x:.4f}}<extra></extra>",
        )


def _label(row: Decoded) -> str:
    return _WORDS.get(row.where, row.where)
