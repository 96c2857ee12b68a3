"""The page of the report: its sections, and what they say before a script runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.metadata import version
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from interp.analysis.ablation.at_threshold import Accuracies, scores_at
from interp.analysis.phases.events import grokking, inversion
from interp.figures.template import HTML_CONFIG, TEMPLATE, run_caption
from interp.reporting.arrays import compressed
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

_SCRIPTS = (
    "load",
    "data",
    "view",
    "drawing",
    "fit",
    "saving",
    "figures_live",
    "neuron",
    "table",
    "controls",
)
_TRAINING = "Steps on a logarithmic axis; bands: between two evaluations."
_PAIR_SCRIPTS = ("pairs", "pair_figures", "pair_view")


def page(reading: Reading, figures: Mapping[str, go.Figure]) -> str:
    """The whole report as HTML; it asks nothing of a network."""
    name = escape(reading.run.name)
    neurons = reading.neurons
    live, blob = (None, "") if neurons is None else neuron_payload(reading, neurons)
    pairs, pair_blob = (None, "") if reading.pairs is None else pair_payload(reading.pairs)
    given = {
        "live": live,
        "pairs": pairs,
        "figures": {key: json.loads(str(figure.to_json())) for key, figure in figures.items()},
        "template": json.loads(str(go.Figure(layout={"template": TEMPLATE}).to_json()))["layout"],
        "config": dict(HTML_CONFIG),
    }
    training = section("training", "Training", _TRAINING)
    middle = training if neurons is None else neuron_sections(reading, neurons, training)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name} · interp</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><style>{_style(reading)}</style></head>
<body>
<header class="top"><h1>{name}</h1>
<p class="caption">{escape(run_caption(reading.run, reading.run.last_step))}</p>
{_story(reading)}</header>
<noscript><p class="note">The figures need JavaScript.</p></noscript>
<main>
{middle}
{_pairs(reading)}{_optional(reading)}{_mechanism(reading)}{_measures(reading)}
{_about(reading)}
</main>
<script type="application/json" id="given">{_in_script(given)}</script>
<script type="text/plain" id="arrays">{blob}</script>
<script type="text/plain" id="pair-arrays">{pair_blob}</script>
<script type="text/plain" id="plotly">{_plotly()}</script>
<script>
{"".join(asset(f"{script}.js") for script in _scripts(reading))}</script>
</body></html>
"""


def _scripts(reading: Reading) -> tuple[str, ...]:
    """The page's scripts; those of pairs and of added rankings only where there are any."""
    neurons = reading.neurons
    added = neurons is not None and added_rankings(neurons.curves)
    pairs = () if reading.pairs is None else _PAIR_SCRIPTS
    return (*_SCRIPTS, *(["rankings"] if added else []), *pairs, "main")


@cache
def _plotly() -> str:
    return compressed(get_plotlyjs().encode())


def _style(reading: Reading) -> str:
    has_measures = reading.measured or reading.mechanism
    return (
        asset("report.css")
        + (asset("measures.css") if has_measures else "")
        + (asset("pairs.css") if reading.pairs is not None else "")
    )


def _in_script(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


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
    versions = ", ".join(f"{p} {version(p)}" for p in ("interp", "torch", "numpy", "plotly"))
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
<footer>Made with {escape(versions)}. This file needs no network.</footer>"""
