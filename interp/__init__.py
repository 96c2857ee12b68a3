"""Which neurons of a network memorized, and which generalized?

The public names, loaded when first used, so that ``import interp`` costs nothing:

    RunConfig, train, train_many, load  runs
    neuron_table, classify            neurons and their classes
    ipr, null_ipr                     inverse participation ratio, and that of noise
    prune, prune_by_class, pruning_curve, scores
    embedding_table, head_ablation    embeddings and heads
    phase, dynamics
    sweep, phase_diagram              many runs: a grid in, a table out; its phases
    to_bridge, import_checkpoint      networks out to TransformerLens, and in from other code
    reproduce                         a claim or figure of the paper: train, measure, judge
    make_task, make_dataset, analytic_network
    figures, report, explore          a run in one HTML file; a folder of runs in a browser
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from interp.lazy import lazily
from training.display import register

if TYPE_CHECKING:
    from analysis.classify import classify as classify
    from analysis.curves import pruning_curve as pruning_curve
    from analysis.diagram import phase_diagram as phase_diagram
    from analysis.dynamics import dynamics as dynamics
    from analysis.embedding import embedding_table as embedding_table
    from analysis.heads import head_ablation as head_ablation
    from analysis.ipr import ipr as ipr
    from analysis.neurons import neuron_table as neuron_table
    from analysis.null import null_ipr as null_ipr
    from analysis.phases import phase as phase
    from analysis.pruning import prune as prune
    from analysis.pruning import prune_by_class as prune_by_class
    from interp import figures as figures
    from interp.exchange import import_checkpoint as import_checkpoint
    from interp.exchange import to_bridge as to_bridge
    from interp.explorer.serve import explore as explore
    from interp.html_report import report as report
    from interp.reproduction.run import reproduce as reproduce
    from interp.sweeping import sweep as sweep
    from training.config import RunConfig as RunConfig
    from training.data import make_dataset as make_dataset
    from training.evaluation import scores as scores
    from training.loop import train as train
    from training.loop import train_many as train_many
    from training.models.analytic import analytic_network as analytic_network
    from training.run import load as load
    from training.tasks import make_task as make_task

# Results show themselves in notebooks through interp.notebook, which is loaded when they do.
register(lambda: import_module("interp.notebook"))

_HOME = {
    "RunConfig": "training.config",
    "analytic_network": "training.models.analytic",
    "classify": "analysis.classify",
    "dynamics": "analysis.dynamics",
    "embedding_table": "analysis.embedding",
    "explore": "interp.explorer.serve",
    "figures": "interp.figures",
    "head_ablation": "analysis.heads",
    "import_checkpoint": "interp.exchange",
    "ipr": "analysis.ipr",
    "load": "training.run",
    "make_dataset": "training.data",
    "make_task": "training.tasks",
    "neuron_table": "analysis.neurons",
    "null_ipr": "analysis.null",
    "phase": "analysis.phases",
    "phase_diagram": "analysis.diagram",
    "prune": "analysis.pruning",
    "prune_by_class": "analysis.pruning",
    "pruning_curve": "analysis.curves",
    "report": "interp.html_report",
    "reproduce": "interp.reproduction.run",
    "scores": "training.evaluation",
    "sweep": "interp.sweeping",
    "to_bridge": "interp.exchange",
    "train": "training.loop",
    "train_many": "training.loop",
}

__all__ = list(_HOME)

__getattr__, __dir__ = lazily(__name__, _HOME)
