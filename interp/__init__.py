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
from interp.training.display import register

if TYPE_CHECKING:
    from interp import figures as figures
    from interp.analysis.ablation.heads import head_ablation as head_ablation
    from interp.analysis.ablation.prune import prune as prune
    from interp.analysis.ablation.prune import prune_by_class as prune_by_class
    from interp.analysis.ablation.pruning_curves import pruning_curve as pruning_curve
    from interp.analysis.fourier.ipr import ipr as ipr
    from interp.analysis.fourier.null import null_ipr as null_ipr
    from interp.analysis.neurons.classify import classify as classify
    from interp.analysis.neurons.embedding import embedding_table as embedding_table
    from interp.analysis.neurons.table import neuron_table as neuron_table
    from interp.analysis.phases.phase import phase as phase
    from interp.analysis.sweeps.diagram import phase_diagram as phase_diagram
    from interp.analysis.sweeps.sweep import sweep as sweep
    from interp.analysis.trajectory.ipr_history import dynamics as dynamics
    from interp.exchange import import_checkpoint as import_checkpoint
    from interp.exchange import to_bridge as to_bridge
    from interp.explorer.serve import explore as explore
    from interp.reporting.report import report as report
    from interp.reproduction.run import reproduce as reproduce
    from interp.training.config.run_config import RunConfig as RunConfig
    from interp.training.data.dataset import make_dataset as make_dataset
    from interp.training.evaluation import scores as scores
    from interp.training.models.analytic import analytic_network as analytic_network
    from interp.training.runs.run import load as load
    from interp.training.tasks.task import make_task as make_task
    from interp.training.trainer.loop import train as train
    from interp.training.trainer.loop import train_many as train_many

# Results show themselves in notebooks through interp.gallery, which is loaded when they do.
register(lambda: import_module("interp.gallery"))

_HOME = {
    "RunConfig": "interp.training.config.run_config",
    "analytic_network": "interp.training.models.analytic",
    "classify": "interp.analysis.neurons.classify",
    "dynamics": "interp.analysis.trajectory.ipr_history",
    "embedding_table": "interp.analysis.neurons.embedding",
    "explore": "interp.explorer.serve",
    "figures": "interp.figures",
    "head_ablation": "interp.analysis.ablation.heads",
    "import_checkpoint": "interp.exchange",
    "ipr": "interp.analysis.fourier.ipr",
    "load": "interp.training.runs.run",
    "make_dataset": "interp.training.data.dataset",
    "make_task": "interp.training.tasks.task",
    "neuron_table": "interp.analysis.neurons.table",
    "null_ipr": "interp.analysis.fourier.null",
    "phase": "interp.analysis.phases.phase",
    "phase_diagram": "interp.analysis.sweeps.diagram",
    "prune": "interp.analysis.ablation.prune",
    "prune_by_class": "interp.analysis.ablation.prune",
    "pruning_curve": "interp.analysis.ablation.pruning_curves",
    "report": "interp.reporting.report",
    "reproduce": "interp.reproduction.run",
    "scores": "interp.training.evaluation",
    "sweep": "interp.analysis.sweeps.sweep",
    "to_bridge": "interp.exchange",
    "train": "interp.training.trainer.loop",
    "train_many": "interp.training.trainer.loop",
}

__all__ = list(_HOME)

__getattr__, __dir__ = lazily(__name__, _HOME)
