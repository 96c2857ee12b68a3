"""Synergy and redundancy between groups of neurons, with the controls hollow."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from interp.analysis.mechanism.information import CONTROLS, WORDS, Information
from interp.figures.expected import expect
from interp.figures.marks import Row, marks
from interp.figures.template import styled


def information(result: Information) -> go.Figure:
    """Least and greatest O-information over multiplets of groups; hollow marks are controls.

    Args:
        result: from the measure ``information``.
    """
    expect(result, Information)
    rows = [Row(name, WORDS[name], name in CONTROLS) for name in result.extremes]

    def values(row: str, metric: str) -> np.ndarray:
        value = getattr(result.extremes[row], metric)
        return np.array([] if value is None else [value])

    metrics = {"synergy": "synergy (least)", "redundancy": "redundancy (greatest)"}
    figure, height = marks(rows, metrics, values, "O-information, nats")
    caption = f"{result.about} · {result.name} · hollow: controls"
    return styled(figure, "Synergy and redundancy", caption, height=height)
