"""The figure of every result: a table from its class to what draws it.

A new one is a row here, or the decorator :func:`figure` in a user's own code. A result whose class
has no row is drawn by that of the class it derives from; any result has its numbers drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from interp.training.arguments import of_kind
from interp.training.registry import Registry, origin_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

Draw = Callable[..., "go.Figure"]

_ROWS = {
    "Run": "interp.figures.training:training_curves",
    "NeuronTable": "interp.figures.of_results:neuron_table",
    "NormWeights": "interp.figures.of_results:norm_weights",
    "PrunedShares": "interp.figures.of_results:pruned_shares",
    "EmbeddingTable": "interp.figures.embedding:embedding_spectrum",
    "AnswerPlanes": "interp.figures.planes:answer_planes",
    "CosetPlanes": "interp.figures.planes:coset_planes",
    "PruningCurves": "interp.figures.pruning:pruning_curves",
    "PruningCurve": "interp.figures.pruning:pruning_curve",
    "Pruning": "interp.figures.scores:before_after",
    "Partition": "interp.figures.by_ranking:partition",
    "Decoys": "interp.figures.by_ranking:decoys",
    "Scores": "interp.figures.scores:scores",
    "Detection": "interp.figures.detection:detection",
    "Information": "interp.figures.information:information",
    "Influence": "interp.figures.influence:influence",
    "Layers": "interp.figures.layers:layers",
    "Memory": "interp.figures.memory:memory",
    "HeadAblation": "interp.figures.of_results:head_ablation",
    "Dynamics": "interp.figures.dynamics:ipr_dynamics",
    "Onsets": "interp.figures.onsets:onsets",
    "Path": "interp.figures.path:path",
    "CheckpointCurves": "interp.figures.pruning_history:pruning_history",
    "History": "interp.figures.history:history",
    "Outcome": "interp.figures.experiment:experiment",
    "TangentKernel": "interp.figures.tangent_kernel:tangent_kernel",
    "Filtration": "interp.figures.scored:filtration",
    "Scored": "interp.figures.scored:scored",
    "Coherence": "interp.figures.coherence:coherence",
    "Characters": "interp.figures.characters:characters",
    "Cosets": "interp.figures.cosets:cosets",
    "Sparsity": "interp.figures.sparsity:sparsity",
    "Geometry": "interp.figures.geometry:geometry",
    "PairTable": "interp.figures.pairs:pair_picture",
    "PreMemorization": "interp.figures.pre_memorization:pre_memorization",
    "PhaseDiagram": "interp.figures.diagram.cells:phase_diagram",
    "Comparison": "interp.figures.comparison:comparison",
    "Result": "interp.figures.numbers:numbers",
}

FIGURES: Registry[Draw] = Registry("figure", dict(_ROWS), "interp.figures")


def figure(kind: type) -> Callable[[Draw], Draw]:
    """Makes a function the figure of a class of results.

    Args:
        kind: the class; the function is called with a result of it, and options by keyword.
    """
    of_kind(kind, type, "a class of results, such as interp.Numbers")

    def made(draw: Draw) -> Draw:
        FIGURES.add(kind.__name__, draw, origin_of(draw))
        return draw

    return made


def plot(result: Any, **options: Any) -> go.Figure:
    """The figure that belongs to a result.

    Raises:
        TypeError: if none does.
    """
    for kind in type(result).__mro__:
        if kind.__name__ in FIGURES:
            return FIGURES[kind.__name__](result, **options)
    raise TypeError(f"plot: expected a result with a figure, got {type(result).__name__}")


def html(result: Any) -> str:
    """A result as a piece of HTML, for notebooks."""
    from interp.notebook import html as shown

    return shown(result)
