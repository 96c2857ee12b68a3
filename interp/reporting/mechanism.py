"""The report's section on how a network computes: its frequencies, beside what learned nothing."""

from __future__ import annotations

import warnings
from html import escape
from typing import Any

import numpy as np

from interp.analysis.asked import Asked
from interp.analysis.mechanism.characters import characters
from interp.analysis.mechanism.cosets import cosets
from interp.analysis.mechanism.filtration import filtration
from interp.analysis.mechanism.progress import progress
from interp.analysis.neurons.answers import answers
from interp.analysis.neurons.read import neuron_table, neurons
from interp.analysis.trajectory.history import history
from interp.figures.neuron import neuron_curves
from interp.figures.untitled import untitled, without_title
from interp.notebook import value_table
from interp.reporting.measures import Measured, measured
from interp.reporting.wide import LAZY_DRAWS, PROGRESS_STEPS, is_wide
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.run import Run
from interp.training.tasks.groups import GROUPS
from interp.words.measured import origin_words, why_not

_STEPS = 5  # checkpoints of the progress curves: a quarter second each
_WORDS = {
    "filtration": "Each neuron keeps one frequency (G-net) or the rest (R-net). A filter brings "
    "the rule's symmetry along and so votes over the training labels: read the G-net beside the "
    "lazy network, which learned no feature.",
    "progress": "The part of the logits that follows the rule, over training. Fitted to all pairs "
    "it votes on training labels, and a pure lookup table has it too; fitted to test pairs alone "
    "(held-out) it shows what the network knows of pairs that it never saw.",
    "characters": "How much of the logits is a sum of characters of the right answer. Over all "
    "pairs a table of the training labels has them too; over test pairs it has not.",
    "cosets": "The largest subgroup on whose cosets each neuron is constant. An irrep with a "
    "kernel, or of few dimensions, has such curves by itself: read the neurons beside random "
    "curves with the same power in each irrep.",
    "curves": "Its elements stand coset by coset, where its curve is constant on cosets.",
    "answers": "Each answer's output weights as a point, coloured by the cosets that stand out "
    "most; the best of all subgroups stands out for shuffled answers, too.",
}
_HEADS = {
    "filtration": "Frequency filtration",
    "progress": "Hidden progress",
    "characters": "Logits as characters",
    "cosets": "Neurons on cosets",
    "curves": "The neuron of the greatest IPR",
    "answers": "Answers in a plane",
}


# Filtration at the newest checkpoint, and progress over checkpoints, by name.
Mechanism = dict[str, Measured]


def mechanism_of(run: Run, newest: Checkpoint, layer: int = 0) -> Mechanism:
    """The measures of a run, or why they give nothing; of groups some more.

    Args:
        run: whose.
        newest: its newest checkpoint.
        layer: of the neurons that are read for their cosets.
    """
    options: dict[str, Any] = {"draws": 2, "strength": False}
    if is_wide(newest.network.width):
        options["lazy_draws"] = LAZY_DRAWS
    found = {
        "filtration": measured(Asked(filtration, options), run, newest),
        "progress": _progress(run, newest),
    }
    return found if GROUPS[newest.task.group].is_cyclic else found | _of_group(run, newest, layer)


def _of_group(run: Run, newest: Checkpoint, layer: int) -> Mechanism:
    """Characters and cosets, in a group that is not cyclic."""
    found = {
        "characters": measured(Asked(characters, {}), run, newest),
        "cosets": measured(Asked(cosets, {"layer": layer}), run, newest),
    }
    if newest.network.layers:
        found["curves"] = _neuron(newest, layer)
    return found | {"answers": measured(Asked(answers, {}), run, newest)}


def _neuron(newest: Checkpoint, layer: int) -> Measured:
    """The curves of the living neuron of the greatest IPR."""
    table = neuron_table(newest, layer=layer)
    asked = Asked(neurons, {"layer": layer})
    if table.dead.all():
        return Measured(asked, None, reason="All neurons are dead.")
    best = int(np.where(table.dead, -1, table.ipr).argmax())
    figure, caption = without_title(neuron_curves(table, best), table.caption)
    return Measured(asked, table, figure, f"neuron {best} · {caption}")


def _progress(run: Run, newest: Checkpoint) -> Measured:
    asked = Asked(progress, {"per_key": False})
    steps = run.steps
    if len(steps) < 2 or (progress.refuses is not None and progress.refuses(newest)):
        return measured(asked, run, newest)
    count = PROGRESS_STEPS if is_wide(newest.network.width) else _STEPS
    some = sorted({steps[round(i * (len(steps) - 1) / (count - 1))] for i in range(count)})
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
    drawn = (
        "" if one.figure is None else f'<div><div class="figure" id="figure-{name}"></div></div>'
    )
    table = f'<div class="scroll">{value_table(one.result)}</div>'
    return f'{head}{words}{told}<div class="measured">{drawn}{table}</div>'
