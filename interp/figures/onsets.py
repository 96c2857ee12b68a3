"""What comes first: the signals of one or more runs on their way, aligned where each grokked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from interp.analysis.trajectory.onsets import CONTROLS, Onsets
from interp.analysis.trajectory.signals import WORDS
from interp.figures.between import between
from interp.figures.expected import expect
from interp.figures.template import INK, styled

_COLOUR = {
    "test_accuracy": INK,
    "held_out": "#0072B2",
    "ipr": "#D55E00",
    "movement": "#009E73",
    "weights": "#56B4E9",
    "efficiency": "#E69F00",
    "synergy": "#CC79A7",
    "synergy_random": "#8C8C8C",
}
_POINTS = 120  # of the common axis
_LOWEST = 0.02  # of the step of grokking, where the axis begins


def onsets(
    found: Onsets | Sequence[Onsets], title: str = "What comes first", about: str = ""
) -> go.Figure:
    """Each signal's share of its greatest change against the step over the step of grokking.

    Of several runs the mean, and a band from the least to the greatest; runs that never grokked
    are left out, and counted in the caption. Controls are dotted. A single run that did not grok
    is drawn against its steps.

    Args:
        found: of the measure ``onsets``, of one run or several.
        title: of the figure.
        about: what else the caption says of several runs.
    """
    runs = [found] if isinstance(found, Onsets) else list(found)
    if not runs:
        raise ValueError("onsets: expected at least one run's, got none")
    for one in runs:
        expect(one, Onsets)
    grokked = [one for one in runs if one.grok is not None]
    drawn = grokked or runs[:1]
    scales = [1.0 if one.grok is None else float(one.grok.by) for one in drawn]
    last = min(
        float(one.onsets["test_accuracy"].steps[-1]) / by
        for one, by in zip(drawn, scales, strict=True)
    )
    first = _LOWEST if grokked else 1.0
    axis = np.geomspace(first, max(last, 2 * first), _POINTS)
    figure = go.Figure()
    for name in WORDS:
        rows = [
            _on(axis, one.onsets[name].steps / by, one.onsets[name].share)
            for one, by in zip(drawn, scales, strict=True)
            if name in one.onsets
        ]
        if rows:
            figure.add_traces(_lines(name, axis, np.stack(rows)))
    if grokked:
        after = min(one.grok.after / one.grok.by for one in grokked if one.grok is not None)
        figure.add_vrect(x0=after, x1=1, fillcolor=INK, opacity=0.08, line_width=0)
    figure.add_hline(y=0.5, line={"color": INK, "dash": "dot", "width": 1})
    words = "step / step of grokking" if grokked else "step"
    figure.update_xaxes(title_text=words, type="log")
    figure.update_yaxes(title_text="share of the greatest change", range=[-0.3, 1.1])
    figure.update_layout(legend={"orientation": "h", "y": -0.2}, showlegend=True)
    return styled(figure, title, _caption(runs, grokked, about), 520)


def _caption(runs: Sequence[Onsets], grokked: Sequence[Onsets], about: str) -> str:
    if len(runs) == 1:
        return runs[0].caption + ("" if grokked else " · never grokked")
    missing = len(runs) - len(grokked)
    left = f" · {missing} that never grokked are left out" if missing and grokked else ""
    words = f"{len(grokked) or 1} of {len(runs)} runs, mean and range{left}"
    return " · ".join(filter(None, (about, words, "grey: where they grokked; dotted line: half")))


def _on(
    axis: Float[np.ndarray, " place"],
    steps: Float[np.ndarray, " point"],
    share: Float[np.ndarray, " point"],
) -> Float[np.ndarray, " place"]:
    return np.interp(axis, steps, share, right=np.nan)


def _lines(
    name: str, axis: Float[np.ndarray, " place"], rows: Float[np.ndarray, "run place"]
) -> list[go.Scatter]:
    known = ~np.isnan(rows).all(axis=0)
    x, colour = axis[known].astype(np.float32), _COLOUR[name]
    mean, low, high = (of(rows[:, known], axis=0) for of in (np.nanmean, np.nanmin, np.nanmax))
    line = go.Scatter(
        x=x,
        y=mean.astype(np.float32),
        mode="lines",
        name=WORDS[name],
        legendgroup=name,
        line={"color": colour, "width": 2, "dash": "dot" if name in CONTROLS else "solid"},
        hovertemplate=f"{WORDS[name]}<br>%{{x:.3g}}: %{{y:.2f}}<extra></extra>",
    )
    if len(rows) == 1 or name == "synergy_random":
        return [line]
    return [between(x, high, low, colour, legendgroup=name, showlegend=False), line]
