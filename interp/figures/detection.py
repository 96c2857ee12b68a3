"""Who finds the wrong labels: every score a row, its AUROC and precision, the controls hollow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from interp.analysis.memorization.detection import Detection
from interp.analysis.memorization.detectors import DETECTORS
from interp.figures.expected import expect
from interp.figures.marks import Row, marks
from interp.figures.template import styled

_METRICS = {"auroc": "AUROC", "precision": "precision at k"}
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

    def values(name: str, metric: str) -> np.ndarray:
        if name == _CHANCE:
            return np.array([0.5 if metric == "auroc" else one.chance for one in results])
        found = [one.found[name] for one in results if name in one.found]
        return np.array([getattr(one, metric) for one in found])

    there = [name for name in DETECTORS if any(name in one.found for one in results)]
    rows = [Row(name, DETECTORS[name].words, DETECTORS[name].control) for name in there]
    rows.append(Row(_CHANCE, _CHANCE, control=True))
    figure, height = marks(rows, _METRICS, values, "AUROC, precision at k")
    figure.update_xaxes(range=[-0.03, 1.03])
    return styled(figure, "Who finds the wrong labels?", _caption(results), height=height)


def _caption(results: Sequence[Detection]) -> str:
    parts = zip(*(one.caption.split(" · ") for one in results), strict=False)
    told = [" / ".join(dict.fromkeys(part)) for part in parts]
    seeds = ["means; bars from the least to the greatest"] if len(results) > 1 else []
    note = [results[0].note] if len(results) == 1 else []
    return " · ".join([*told, *seeds, "hollow: controls", *note])
