"""Figures: data in, ``go.Figure`` out; no side effects.

The names are loaded when first used: a phase diagram, say, needs no network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.lazy import lazily

if TYPE_CHECKING:
    from interp.figures.diagram.cells import phase_diagram as phase_diagram
    from interp.figures.diagram.dense import dense_phase_diagram as dense_phase_diagram
    from interp.figures.diagram.scores import phase_scores as phase_scores
    from interp.figures.dynamics import ipr_dynamics as ipr_dynamics
    from interp.figures.embedding import embedding_spectrum as embedding_spectrum
    from interp.figures.export import save as save
    from interp.figures.export import save_all as save_all
    from interp.figures.export import save_page as save_page
    from interp.figures.heads import head_ablation as head_ablation
    from interp.figures.ipr import ipr_histogram as ipr_histogram
    from interp.figures.neuron import neuron_curves as neuron_curves
    from interp.figures.norms import norm_weights as norm_weights
    from interp.figures.paper_look import paper as paper
    from interp.figures.planes import answer_planes as answer_planes
    from interp.figures.pruning import pruning_curve as pruning_curve
    from interp.figures.pruning import pruning_curves as pruning_curves
    from interp.figures.spectra import spectra_heatmap as spectra_heatmap
    from interp.figures.training import training_curves as training_curves

_HOME = {
    "answer_planes": "interp.figures.planes",
    "dense_phase_diagram": "interp.figures.diagram.dense",
    "embedding_spectrum": "interp.figures.embedding",
    "head_ablation": "interp.figures.heads",
    "ipr_dynamics": "interp.figures.dynamics",
    "ipr_histogram": "interp.figures.ipr",
    "neuron_curves": "interp.figures.neuron",
    "norm_weights": "interp.figures.norms",
    "phase_diagram": "interp.figures.diagram.cells",
    "phase_scores": "interp.figures.diagram.scores",
    "pruning_curve": "interp.figures.pruning",
    "pruning_curves": "interp.figures.pruning",
    "save": "interp.figures.export",
    "paper": "interp.figures.paper_look",
    "save_all": "interp.figures.export",
    "save_page": "interp.figures.export",
    "spectra_heatmap": "interp.figures.spectra",
    "training_curves": "interp.figures.training",
}

__all__ = list(_HOME)

__getattr__, __dir__ = lazily(__name__, _HOME)
