"""The report's section on how a network computes: its frequencies, beside what learned nothing."""

from __future__ import annotations

import warnings
from html import escape
from typing import Any

from interp.analysis.mechanism.filtration import filtration
from interp.analysis.mechanism.progress import progress
from interp.analysis.trajectory.history import history
from interp.figures.untitled import untitled
from interp.notebook import value_table
from interp.reporting.measures import Asked, Measured, measured
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.run import Run
from interp.words.measured import origin_words, why_not

_STEPS = 7  # checkpoints of the progress curves: half a second each
_WORDS = {
    "filtration": "Each neuron keeps one frequency (G-net) or the rest (R-net). A filter brings "
    "the rule's symmetry along and so votes over the training labels: read the G-net beside the "
    "lazy network, which learned no feature.",
    "progress": "The part of the logits that follows the rule, over training. Fitted to all pairs "
    "it votes on training labels, and a pure lookup table has it too; fitted to test pairs alone "
    "(held-out) it shows what the network knows of pairs that it never saw.",
}
_HEADS = {"filtration": "Frequency filtration", "progress": "Hidden progress"}


# Filtration at the newest checkpoint, and progress over checkpoints, by name.
Mechanism = dict[str, Measured]


def mechanism_of(run: Run, newest: Checkpoint) -> Mechanism:
    """Both measures of a run, or why they give nothing."""
    options: dict[str, Any] = {"draws": 2, "strength": False}
    return {
        "filtration": measured(Asked(filtration, options), run, newest),
        "progress": _progress(run, newest),
    }


def _progress(run: Run, newest: Checkpoint) -> Measured:
    asked = Asked(progress, {"per_key": False})
    steps = run.steps
    if len(steps) < 2 or (progress.refuses is not None and progress.refuses(newest)):
        return measured(asked, run, newest)
    some = sorted({steps[round(i * (len(steps) - 1) / (_STEPS - 1))] for i in range(_STEPS)})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            found = history(run, progress, some, per_key=False)
        figure, caption = untitled(found)
    except ValueError as error:
        return Measured(asked, None, reason=why_not(progress, error))
    return Measured(asked, found, figure, caption)


def mechanism_section(found: Mechanism) -> str:
    """The section: a heading, and figure and table of each part."""
    inside = "".join(_part(name, one) for name, one in found.items())
    return f"""
<section aria-labelledby="heading-mechanism">
<h2 id="heading-mechanism">Mechanism</h2>{inside}</section>"""


def _part(name: str, one: Measured) -> str:
    head = f"<h3>{_HEADS[name]} <code>{escape(one.asked.label)}</code></h3>"
    if one.result is None:
        return f'{head}<p class="note">{escape(one.reason)}</p>'
    words = f"<p>{escape(_WORDS[name])}</p>"
    told = f'<p class="caption">{escape(origin_words(one.asked.measure, one.caption))}</p>'
    drawn = "" if one.figure is None else f'<div class="figure" id="figure-{name}"></div>'
    table = f'<div class="scroll">{value_table(one.result)}</div>'
    return f'{head}{words}{told}<div class="measured">{drawn}{table}</div>'
