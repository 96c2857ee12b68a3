"""The numbers of an open run: neurons kept and pruned, accuracies before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import Dash, Output, html

from interp.analysis.ablation.band import band_words
from interp.explorer.run.sliders import (
    LIVE,
    PLACES,
    STEP,
    THRESHOLD,
    at,
    given,
    of_run,
    table_at,
)
from interp.explorer.thresholds import ruled, threshold_by
from interp.training.data.splits import SPLIT_MEANING
from interp.words.sentences import BEFORE_AFTER, threshold_rows

if TYPE_CHECKING:
    from interp.analysis.ablation.at_threshold import ThresholdScores
    from interp.analysis.ablation.curves import PruningCurves
    from interp.explorer.readings import OpenRun
    from interp.explorer.run.sliders import Opener
    from interp.explorer.thresholds import Ruled


def add_numbers(app: Dash, readings: Opener) -> None:
    """Numbers come first, by a callback of their own; figures follow."""

    @app.callback(
        Output(of_run("counts"), "children"),
        Output(of_run("scores"), "children"),
        Output(of_run("step-words"), "children"),
        THRESHOLD,
        STEP,
        LIVE,
        *PLACES,
    )
    def numbers(
        threshold: float | None, place: int | None, live: str, steps: list[int], own: dict[str, str]
    ) -> Any:
        opened, step = at(readings, own, steps, place)
        words = f"step {step}"
        if opened.run.origin.trained_here:
            words += f" of {opened.run.config.steps}"
        try:
            counts, scores = numbers_at(opened, step, given(threshold))
        except (ValueError, OSError) as error:  # a damaged checkpoint among whole ones
            return f"Step {step}: {error}", [], words  # no scores of another step
        return counts, scores, words


def numbers_at(opened: OpenRun, step: int, threshold: float) -> tuple[str, Any]:
    """How many neurons a threshold keeps, and the accuracies at it.

    Raises:
        ValueError: if the checkpoint is damaged.
    """
    from interp.analysis.ablation.at_threshold import scores_at

    table = table_at(opened, step)
    found_by = ruled(table, threshold)
    classes = found_by.classes
    curves = opened.curves(step)
    found = None if curves is None else scores_at(curves, table, classes.threshold)
    scores = scores_table(found, curves, opened.problem(step))
    words = counts_words(found_by, step, len(table))
    if not classes.words.distinct and table.elements > 1:  # no noise over one element
        words += f" That is IPR {threshold_by(table, 'null'):.3f}."
    return words, scores


def counts_words(found: Ruled, step: int, neurons: int) -> str:
    """How many neurons the threshold keeps."""
    classes = found.classes
    kept, gone = int(classes.generalizing.sum()), int(classes.dead.sum())
    dead = f" ({gone} of them dead)" if gone else ""
    words = f"Step {step}: {kept} kept · {neurons - kept} pruned{dead} · {found.words}"
    return f"{words}. {classes.words.sentence}" if classes.words.sentence else words


def scores_table(
    found: ThresholdScores | None, curves: PruningCurves | None, problem: str | None
) -> Any:
    """Accuracies before and after pruning, beside the control."""
    if problem is not None:
        return html.P(problem, className="problem", role="alert")
    if found is None or curves is None:
        return html.P("Pruning: computing…", className="caption")
    rows = [
        html.Tr([html.Th(split, title=SPLIT_MEANING[split], scope="row"), *map(html.Td, cells)])
        for split, cells in threshold_rows(found).items()
    ]
    heads = list(BEFORE_AFTER)
    if curves.control is not None:
        heads[-1] = band_words(curves.control.draws)
    table = html.Table([html.Thead(html.Tr([html.Th(word) for word in heads])), html.Tbody(rows)])
    return [table, html.P(_about(found, curves), className="caption")]


def _about(found: ThresholdScores, curves: PruningCurves) -> str:
    """The control, and the number of pruned neurons where the curve has another than asked."""
    control = curves.control
    words = "control: computing…"
    if control is not None:
        words = f"control: {control.draws} random prunings, seed {control.seed}"
    grid = "" if found.size == found.pruned else f", scored with {found.size} pruned"
    return f"{words}{grid}. Nothing is retrained."
