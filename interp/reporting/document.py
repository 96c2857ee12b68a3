"""The page of the report: its sections, and what they say before a script runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape

import plotly.graph_objects as go

from interp.analysis.ablation.at_threshold import Accuracies, scores_at
from interp.analysis.phases.events import grokking, inversion
from interp.figures.template import run_caption
from interp.reporting.frame import SCRIPTS, Frame, footer
from interp.reporting.measures import section as measure_section
from interp.reporting.mechanism import mechanism_section
from interp.reporting.neuron_sections import neuron_sections
from interp.reporting.pairs import pair_payload, pair_section
from interp.reporting.payload import added_rankings, neuron_payload
from interp.reporting.reading import NeuronReading, Reading
from interp.reporting.sections import asset, section
from interp.training.data.splits import SPLIT_MEANING, Split
from interp.words.sentences import PAPERS, events, number, outcome
from interp.words.story import story

_TRAINING = "Steps on a logarithmic axis; bands: between two evaluations."
_PAIR_SCRIPTS = ("pairs", "pair_figures", "pair_view")


def page(reading: Reading, figures: Mapping[str, go.Figure]) -> str:
    """The whole report as HTML; it asks nothing of a network."""
    run, neurons = reading.run, reading.neurons
    live, blob = (None, "") if neurons is None else neuron_payload(reading, neurons)
    pairs, pair_blob = (None, "") if reading.pairs is None else pair_payload(reading.pairs)
    caption = escape(run_caption(run, run.last_step))
    frame = Frame(
        run.name,
        f'<p class="caption">{caption}</p>\n{_story(reading)}',
        figures,
        live=live,
        pairs=pairs,
        arrays=blob,
        pair_arrays=pair_blob,
        styles=_styles(reading),
        scripts=_scripts(reading),
    )
    training = section("training", "Training", _TRAINING)
    middle = training if neurons is None else neuron_sections(reading, neurons, training)
    return frame.around(f"""{middle}
{_pairs(reading)}{_optional(reading)}{_mechanism(reading)}{_measures(reading)}
{_about(reading)}""")


def _scripts(reading: Reading) -> tuple[str, ...]:
    """The page's scripts; those of pairs and of added rankings only where there are any."""
    neurons = reading.neurons
    added = neurons is not None and added_rankings(neurons.curves)
    pairs = () if reading.pairs is None else _PAIR_SCRIPTS
    return (*SCRIPTS, *(["rankings"] if added else []), *pairs)


def _styles(reading: Reading) -> tuple[str, ...]:
    """Its style sheets."""
    measures = ("measures.css",) if reading.measured or reading.mechanism else ()
    pairs = () if reading.pairs is None else ("pairs.css",)
    return ("report.css", *measures, *pairs)


def _optional(reading: Reading) -> str:
    """The sections of what not every network has."""
    at = "at the newest checkpoint."
    found = []
    if reading.embeddings is not None and not reading.flat:
        found.append(section("embedding", "Fourier spectrum of the embeddings", at.capitalize()))
    if reading.heads is not None:
        found.append(section("heads", "Attention heads", f"Ablated one at a time, {at}"))
    return "\n".join(found)


def _pairs(reading: Reading) -> str:
    return "" if reading.pairs is None else pair_section(reading.pairs, asset("pairs.html"))


def _mechanism(reading: Reading) -> str:
    return "" if reading.mechanism is None else mechanism_section(reading.mechanism)


def _measures(reading: Reading) -> str:
    return "".join(measure_section(f"measure-{i}", one) for i, one in enumerate(reading.measured))


def _story(reading: Reading) -> str:
    """What was trained, what came of it and why, what pruning does: a paragraph each."""
    run = reading.run
    parts = [story(run)]
    if not run.finished:
        parts.append(f"It has not finished: the newest checkpoint is that of step {run.last_step}.")
    if reading.phase is not None:
        parts.append(f"{outcome(reading.phase)} {events(grokking(run), inversion(run))}")
    parts += [] if reading.neurons is None else [_pruning_words(reading.neurons)]
    return "".join(f'<p class="story">{escape(part)}</p>' for part in parts)


def _pruning_words(neurons: NeuronReading) -> str:
    """What pruning at the threshold does, beside the control."""
    classes = neurons.classes
    found = scores_at(neurons.curves, neurons.table, classes.threshold)
    cut = f"{classes.threshold:.3f} ({classes.rule})"
    if neurons.table.dead.all():
        return f"Every neuron is dead: it has no power, hence no IPR. The threshold is {cut}."
    if not found.kept or not found.pruned:
        side = "above" if found.kept else "below"
        return f"Every neuron's IPR is {side} the threshold {cut}, so nothing is told apart."
    moves = [
        f"{split} accuracy from {number(before)} to {number(found.after[split])}"
        + (f" (random control {number(found.mean[split])})" if found.mean else "")
        for split in _told(found.before)
        if (before := found.before[split]) is not None
    ]
    return (
        f"Pruning the {found.pruned} of {len(neurons.table)} neurons with IPR below {cut} moves "
        f"{' and '.join(moves)}."
    )


def _told(before: Accuracies) -> tuple[Split, ...]:
    """The splits that pruning is told by: all pairs where there are none of the others."""
    known: tuple[Split, ...] = ("corrupted", "test")
    return known if any(before[split] is not None for split in known) else ("all",)


def _about(reading: Reading) -> str:
    run = reading.run
    config = escape(json.dumps(run.config.to_dict(), indent=2, ensure_ascii=False))
    papers = "".join(f"<li>{escape(paper)}</li>" for paper in PAPERS)
    splits = "".join(
        f"<dt>{split}</dt><dd>{escape(meaning)} ({int(run.dataset.members(split).sum()):,})</dd>"
        for split, meaning in SPLIT_MEANING.items()
    )
    caption = "" if reading.neurons is None else f"<p>{escape(reading.neurons.table.caption)}</p>"
    return f"""<section><h2>Conventions</h2>{caption}<dl>{splits}</dl></section>
<section><h2>Configuration</h2><details><summary>Every field</summary>
<pre id="config">{config}</pre></details></section>
<section><h2>How to cite</h2><ul>{papers}</ul></section>
{footer()}"""
