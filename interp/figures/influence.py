"""How scores of suspicion go with what leaving an example out changes."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from interp.analysis.memorization.influence_table import WAYS, Influence
from interp.figures.expected import expect
from interp.figures.marks import Row, marks
from interp.figures.template import styled

_METRICS = {"correlation": "all left out", "within_wrong": "wrong labels among them"}


def influence(result: Influence) -> go.Figure:
    """Correlation of each score with the change of the loss; hollow marks are controls.

    Args:
        result: from the measure ``influence``.
    """
    expect(result, Influence)
    frame = result.to_pandas()

    def values(name: str, metric: str) -> np.ndarray:
        found = result.numbers.get(f"{name}.{metric}")
        return np.array([] if found is None else [found], dtype=float)

    scores = [name for name in frame.index if name in result.scores]
    rows = [Row(n, frame.loc[n, "what"], bool(frame.loc[n, "control"])) for n in scores]
    title = "correlation with the change of the loss"
    figure, height = marks(rows, _METRICS, values, title)
    figure.update_xaxes(range=[-1.05, 1.05], zeroline=True)
    truth = [
        f"{way}: AUROC {result.numbers[f'{way}.auroc']:.2f}"
        for way in WAYS
        if f"{way}.auroc" in result.numbers
    ]
    caption = " · ".join([result.caption, *truth, "hollow: controls", result.note])
    return styled(figure, "What leaving an example out changes", caption, height=height)
