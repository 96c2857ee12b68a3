"""Training curves of all splits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.figures.above import make_room, mark_interval
from interp.figures.metric import Metric
from interp.figures.overlay.lines import Several, check_alone, is_several
from interp.figures.template import SPLIT_COLOUR, SPLIT_DASH, run_caption, styled
from interp.training.arguments import shown
from interp.training.data.splits import SPLIT_MEANING, SPLITS, Split
from interp.training.losses.loss import LOSSES
from interp.training.runs.subject import as_run

if TYPE_CHECKING:
    from interp.training.runs.metadata import Measurement
    from interp.training.runs.run import Run


def training_curves(
    run: Run | Path | str | Several, metric: Metric | None = None, fold: bool = True
) -> go.Figure:
    """Accuracy and loss of every split against the step (log axis, so step 0 is not drawn).

    Bands: between which evaluations the run grokked (test accuracy reached 0.90), and between which
    it inverted (corrupted accuracy, having been above one half, fell below it).

    Of several runs, one metric, a panel a split, a line a run, named by what differs; runs that
    differ by seed alone are their mean, with a band from least to greatest.

    Args:
        run: a run or its folder; or several, as a list or by name.
        metric: of several, accuracy (the default) or loss; of one, both are drawn.
        fold: of several, whether those that differ by seed alone are one line.

    Raises:
        ValueError: if several cannot be told apart, are not scored yet, or have other losses.
    """
    if is_several(run):
        from interp.figures.overlay.training import curves_of_training

        return curves_of_training(
            cast(Several, run), "accuracy" if metric is None else metric, fold
        )
    if metric is not None:
        raise ValueError(f"metric: expected beside several runs, got {shown(metric)} beside one")
    check_alone(fold)
    run = as_run(cast("Run | Path | str", run))
    from interp.analysis.phases.events import grokking, inversion

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    rows = [m for m in run.measurements if m.step > 0]
    for split in SPLITS:
        if rows and rows[-1].scores[split].accuracy is not None:
            for row, kind in ((1, "accuracy"), (2, "loss")):
                trace = _line(rows, split, kind)
                figure.add_trace(trace.update(showlegend=row == 1), row=row, col=1)
    marks = {"grokked": grokking(run), "inverted": inversion(run)}
    there = {words: interval for words, interval in marks.items() if interval is not None}
    for place, (words, interval) in enumerate(there.items()):
        mark_interval(figure, interval, words, place)
    figure.update_xaxes(type="log")
    figure.update_xaxes(title_text="step", row=2, col=1)
    figure.update_yaxes(title_text="accuracy", range=[-0.03, 1.03], row=1, col=1)
    title = LOSSES[run.config.loss].title
    figure.update_yaxes(title_text=title, type="log", exponentformat="power", row=2, col=1)
    styled(figure, f"Training of {run.name}", run_caption(run), height=560)
    return make_room(figure, len(there)) if there else figure


def _line(rows: Sequence[Measurement], split: Split, metric: str) -> go.Scatter:
    values = [getattr(m.scores[split], metric) for m in rows]
    return go.Scatter(
        x=np.array([m.step for m in rows], dtype=np.int32),
        y=np.array(values, dtype=np.float32),
        name=split,
        legendgroup=split,
        mode="lines" if len(rows) > 1 else "markers",  # a single point is no line
        visible="legendonly" if split == "all" else True,
        line={"color": SPLIT_COLOUR[split], "dash": SPLIT_DASH[split], "width": 2},
        hovertemplate=f"step %{{x}}<br>{metric} %{{y:.4g}}"
        f"<extra>{split}: {SPLIT_MEANING[split]}</extra>",
    )
