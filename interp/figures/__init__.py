"""Figures: data in, ``go.Figure`` out; no side effects."""

from interp.figures.diagram import phase_diagram as phase_diagram
from interp.figures.diagram_scores import phase_scores as phase_scores
from interp.figures.dynamics import ipr_dynamics as ipr_dynamics
from interp.figures.embedding import embedding_spectrum as embedding_spectrum
from interp.figures.heads import head_ablation as head_ablation
from interp.figures.ipr import ipr_histogram as ipr_histogram
from interp.figures.neuron import neuron_curves as neuron_curves
from interp.figures.norms import norm_weights as norm_weights
from interp.figures.pruning import pruning_curves as pruning_curves
from interp.figures.spectra import spectra_heatmap as spectra_heatmap
from interp.figures.template import save as save
from interp.figures.template import save_page as save_page
from interp.figures.training import training_curves as training_curves
