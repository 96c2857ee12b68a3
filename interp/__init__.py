"""Which neurons of a network memorized, and which generalized?

The public names, listed in ``__init__.pyi`` and loaded when first used, so that ``import
interp`` costs nothing:

    RunConfig, train, train_many, load  runs
    as_checkpoint                     a network at a step, read once, with its dataset and loss
    measures, history, Numbers        every measure by name; one at every checkpoint of a run
    neuron_table, classify            neurons and their classes
    ipr, null_ipr                     inverse participation ratio, and that of noise
    prune, prune_by_class, pruning_curve, scores
    embedding_table, head_ablation    embeddings and heads
    phase, dynamics
    sweep, Machine, phase_diagram     many runs: a grid in, a table out; its phases
    to_bridge, import_checkpoint      networks out to TransformerLens, and in from other code
    adapt                             anybody's torch module as a network
    reproduce                         a claim or figure of the paper: train, measure, judge
    make_task, make_dataset, analytic_network
    figures, report, explore          a run in one HTML file; a folder of runs in a browser
    measure, figure, ranking          decorators: one's own measure, its figure, a pruning order
    operation, activation, loss       decorators: one's own task, φ, loss
"""

from __future__ import annotations

from importlib import import_module

from interp.lazy import lazily
from interp.training.display import register

# Results show themselves in notebooks through interp.gallery, which is loaded when they do.
register(lambda: import_module("interp.gallery"))

__getattr__, __dir__ = lazily(__name__, __file__)
__all__ = __dir__()
