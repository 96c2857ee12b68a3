"""One self-contained HTML file of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from importlib.metadata import version
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from analysis.classify import Classes, Rule, classify
from analysis.curves import PruningCurves, pruning_curve
from analysis.dynamics import Dynamics, dynamics
from analysis.embedding import EmbeddingTable, embedding_table
from analysis.heads import HeadAblation, head_ablation
from analysis.neurons import NeuronTable, neuron_table
from analysis.norms import has_correlation
from analysis.phases import Phase, has_phase, phase
from analysis.pruning import Pruning, prune_by_class
from interp import figures
from interp.figures.template import HTML_CONFIG, run_caption
from interp.words import PAPERS, before_after_rows, sentence
from training.files import check_place, write_bytes
from training.models.transformer import Transformer
from training.run import Run, load

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 Inter, Helvetica, Arial, sans-serif; color: #222; margin: 0; }
main { max-width: 1060px; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { margin: .2rem 0; }
h2 { margin: 2.2rem 0 .3rem; border-top: 1px solid #e4e4e4; padding-top: 1rem; }
.caption, footer { color: #555; font-size: .88rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #e4e4e4; }
th:first-child, td:first-child { text-align: left; }
pre { background: #f6f6f6; padding: .8rem; overflow-x: auto; font-size: .85rem; }
@media print { details { display: none; } }
"""


@dataclass(frozen=True)
class _Reading:
    """Everything the report shows of a run."""

    run: Run
    phase: Phase | None
    embeddings: EmbeddingTable
    heads: HeadAblation | None  # None for an MLP
    neurons: _Neurons | None  # None for an attention-only network


@dataclass(frozen=True)
class _Neurons:
    """What the report shows of a hidden layer."""

    table: NeuronTable
    classes: Classes
    pruning: Pruning | None  # None where the threshold leaves one class only
    curves: PruningCurves
    history: Dynamics


def report(
    run: Run | Path | str,
    out: Path | str | None = None,
    threshold: Rule | float = "auto",
    draws: int | None = None,
    layer: int = 0,
) -> Path:
    """Writes all figures and the before/after table of a run into one HTML file.

    Args:
        run: a run or its folder.
        out: the file; ``report.html`` in the run folder by default.
        threshold: rule or IPR that separates the neurons, see :func:`analysis.classify.classify`.
        draws: random controls; by default 50, or 10 for pruning curves that are forward passes.
        layer: which hidden layer's neurons are shown.

    Returns:
        Where the file is.

    Raises:
        ValueError: if the run has no checkpoint, was kept in memory and no file is named, or the
            file's name does not end in .html.
    """
    run = run if isinstance(run, Run) else load(run)
    if out is None and run.path is None:
        raise ValueError("report: a run kept in memory needs a file name")
    target = Path(out) if out is not None else Path(str(run.path)) / "report.html"
    check_place("report", target, ".html")
    network = run.network()
    reading = _Reading(
        run,
        phase(run) if has_phase(run) else None,
        embedding_table(run),
        head_ablation(run) if isinstance(network, Transformer) else None,
        _read_neurons(run, threshold, draws, layer) if network.layers else None,
    )
    write_bytes(target, _page(reading, _figures(reading)).encode())
    return target


def _read_neurons(run: Run, threshold: Rule | float, draws: int | None, layer: int) -> _Neurons:
    table = neuron_table(run, layer=layer)
    classes = classify(table, threshold)
    return _Neurons(
        table,
        classes,
        prune_by_class(run, table, classes, draws=draws) if _two_classes(classes) else None,
        pruning_curve(run, draws=draws, table=table),
        dynamics(run, layer=layer),
    )


def _figures(reading: _Reading) -> dict[str, tuple[str, go.Figure]]:
    """Section heading and figure by the id of its element."""
    run = reading.run
    found = {"training": ("Training", figures.training_curves(run))}
    if reading.neurons is not None:
        found.update(_neuron_figures(reading.neurons))
    embedding = figures.embedding_spectrum(reading.embeddings)
    found["embedding"] = ("Spectrum of the embeddings", embedding)
    if reading.heads is not None:
        found["heads"] = ("Attention heads", figures.head_ablation(reading.heads, run.name))
    return found


def _neuron_figures(neurons: _Neurons) -> dict[str, tuple[str, go.Figure]]:
    table, classes = neurons.table, neurons.classes
    alive = np.where(table.dead, -1.0, table.ipr)
    median_memorizing = _median_of(table, classes.memorizing)
    found = {
        "ipr": ("IPR of the neurons", figures.ipr_histogram(table, classes)),
        "pruning": (
            "Pruning",
            figures.pruning_curves(neurons.curves, pruned=int((~classes.generalizing).sum())),
        ),
        "dynamics": ("IPR over training", figures.ipr_dynamics(neurons.history, classes)),
        "spectra": ("Spectra of all neurons", figures.spectra_heatmap(table, classes)),
        "generalizing": (
            "The neuron of highest IPR",
            figures.neuron_curves(table, int(alive.argmax())),
        ),
    }
    if median_memorizing is not None:
        found["memorizing"] = (
            "A typical memorizing neuron",
            figures.neuron_curves(table, median_memorizing),
        )
    if has_correlation(table):
        found["norm"] = ("Norm weights", figures.norm_weights(table, classes))
    return found


def _median_of(table: NeuronTable, members: np.ndarray) -> int | None:
    """The member whose IPR is the median of its class."""
    indices = np.flatnonzero(members)
    if not len(indices):
        return None
    return int(indices[np.argsort(table.ipr[indices])[len(indices) // 2]])


def _page(reading: _Reading, sections: dict[str, tuple[str, go.Figure]]) -> str:
    run = reading.run
    name = escape(run.name)
    body = "\n".join(
        f'<section aria-label="{escape(heading)}"><h2>{escape(heading)}</h2>'
        + figure.to_html(
            full_html=False,
            include_plotlyjs=False,
            div_id=f"figure-{key}",
            config=dict(HTML_CONFIG),
        )
        + "</section>"
        for key, (heading, figure) in sections.items()
    )
    config = escape(json.dumps(run.config.to_dict(), indent=2, ensure_ascii=False))
    versions = ", ".join(f"{p} {version(p)}" for p in ("interp", "torch", "numpy", "plotly"))
    papers = "".join(f"<li>{escape(paper)}</li>" for paper in PAPERS)
    neurons = reading.neurons
    words = "" if reading.phase is None else f"Phase: {reading.phase.name}."
    if neurons is not None:
        words = sentence(neurons.pruning, reading.phase, neurons.classes)
    pruning = "" if neurons is None else _pruning_section(neurons)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name} · interp</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><style>{_STYLE}</style><script>{get_plotlyjs()}</script></head>
<body><main><h1>{name}</h1>
<p class="caption">{escape(run_caption(run.config, run.last_step))}</p>
<p>{escape(words)}</p>
{pruning}
{body}
<h2>Settings</h2><details><summary>Configuration</summary><pre>{config}</pre></details>
<h2>How to cite</h2><ul>{papers}</ul>
<footer>Made with {escape(versions)}.</footer></main></body></html>
"""


def _two_classes(classes: Classes) -> bool:
    return bool(classes.generalizing.any() and not classes.generalizing.all())


def _pruning_section(neurons: _Neurons) -> str:
    pruning = neurons.pruning
    if pruning is None:
        return ""
    return f"""<h2>Before and after pruning</h2><div class="scroll">{_table(pruning)}</div>
<p class="caption">{escape(neurons.table.caption)}. Random control: mean and 5–95 % band of
{pruning.draws} prunings of the same size (seed {pruning.seed}). Nothing is retrained.</p>"""


def _table(pruning: Pruning) -> str:
    header, *rows = before_after_rows(pruning)
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<table id="before-after"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>'
