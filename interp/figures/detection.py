"""Who finds the wrong labels: every score a row, its AUROC and precision, the controls hollow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import plotly.graph_objects as go

from interp.analysis.memorization.detection import Detection
from interp.analysis.memorization.detectors import DETECTORS
from interp.figures.expected import expect
from interp.figures.template import FAINT, styled

_LABEL = 34  # characters of a line of a label
# Colour, mark, the name of what it stands for, and size: where both are 1, both are seen.
_METRICS = {
    "auroc": ("#0072B2", "circle", "AUROC", 12),
    "precision": ("#D55E00", "diamond", "precision at k", 8),
}
_CHANCE = "chance"


def detection(result: Detection | Sequence[Detection]) -> go.Figure:
    """AUROC and precision at k of each score; hollow marks are controls.

    Args:
        result: from the measure ``detection``; several, of runs that differ in their seeds, are
            drawn as means with bars from the least to the greatest.
    """
    results = [result] if isinstance(result, Detection) else list(result)
    for one in results:
        expect(one, Detection)
    rows = _rows(results)
    figure = go.Figure([trace for metric in _METRICS for trace in _traces(results, rows, metric)])
    figure.update_xaxes(title_text="AUROC, precision at k", range=[-0.03, 1.03])
    figure.update_yaxes(
        autorange="reversed",
        gridcolor=FAINT,
        tickfont={"size": 11},
        categoryorder="array",
        categoryarray=[_label(name) for name in rows],
    )
    figure.update_layout(legend={"orientation": "h", "y": 1.0, "yanchor": "bottom"})
    figure.update_layout(title={"x": 0.02, "xref": "container"})
    lines = max(_label(name).count("<br>") + 1 for name in rows)
    height = 210 + len(rows) * (12 + 11 * lines)
    return styled(figure, "Who finds the wrong labels?", _caption(results), height=height)


def _rows(results: Sequence[Detection]) -> list[str]:
    """Scores that some result has, as the table has them, the controls behind the others."""
    there = [name for name in DETECTORS if any(name in one.found for one in results)]
    controls = [name for name in there if DETECTORS[name].control]
    return [*(name for name in there if name not in controls), *controls, _CHANCE]


def _is_control(name: str) -> bool:
    return name == _CHANCE or DETECTORS[name].control


def _values(results: Sequence[Detection], name: str, metric: str) -> np.ndarray:
    if name == _CHANCE:
        return np.array([0.5 if metric == "auroc" else one.chance for one in results])
    return np.array([getattr(one.found[name], metric) for one in results if name in one.found])


def _traces(results: Sequence[Detection], rows: list[str], metric: str) -> Iterator[go.Scatter]:
    colour, mark, words, size = _METRICS[metric]
    for control in (False, True):
        there = [name for name in rows if _is_control(name) is control]
        each = [_values(results, name, metric) for name in there]
        means = np.array([one.mean() for one in each])
        yield go.Scatter(
            x=means,
            y=[_label(name) for name in there],
            mode="markers",
            name=words,
            legendgroup=metric,
            showlegend=not control,
            marker=_marker(colour, mark, size, control),
            error_x=_bars(each, means, colour) if len(results) > 1 else None,
            customdata=there,
            hovertemplate=f"%{{customdata}}<br>{words} %{{x:.4f}}<extra></extra>",
        )


def _marker(colour: str, mark: str, size: int, control: bool) -> dict[str, Any]:
    return {
        "size": size + 2 if control else size,
        "color": colour,
        "symbol": f"{mark}-open" if control else mark,
        "line": {"width": 2 if control else 0},
    }


def _bars(each: list[np.ndarray], means: np.ndarray, colour: str) -> dict[str, Any]:
    """From the least to the greatest of the seeds."""
    return {
        "type": "data",
        "symmetric": False,
        "array": np.array([one.max() for one in each]) - means,
        "arrayminus": means - np.array([one.min() for one in each]),
        "color": colour,
        "thickness": 1.5,
        "width": 4,
    }


def _label(name: str) -> str:
    words = "chance" if name == _CHANCE else DETECTORS[name].words
    return "<br>".join(wrap(words, _LABEL))


def _caption(results: Sequence[Detection]) -> str:
    parts = zip(*(one.caption.split(" · ") for one in results), strict=False)
    told = [" / ".join(dict.fromkeys(part)) for part in parts]
    seeds = ["means; bars from the least to the greatest"] if len(results) > 1 else []
    return " · ".join([*told, *seeds, "hollow: controls"])
