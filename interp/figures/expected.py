"""What figures are drawn of; anything else is refused in one line that says what came."""

from __future__ import annotations

from typing import TypeVar

from interp.training.arguments import of_kind

Kind = TypeVar("Kind")

_WORDS = {
    "AnswerPlanes": "the planes of the answers, such as interp.measures['answers'](run)",
    "Boundary": "a boundary, such as interp.analysis.sweeps.boundary.critical(results)",
    "Characters": "logits as characters, such as interp.measures['characters'](run)",
    "Classes": "classes, such as interp.classify(table)",
    "Comparison": "a comparison, such as interp.analysis.comparison.compare.compare(runs)",
    "Coherence": "phases of neurons, such as interp.measures['coherence'](run)",
    "CosetPlanes": "the planes of a group's answers, such as interp.measures['answers'](run)",
    "Cosets": "cosets of neurons, such as interp.measures['cosets'](run)",
    "Decoys": "decoys, such as interp.measures['decoys'](run)",
    "Detection": "scores of suspicion, such as interp.measures['detection'](run)",
    "Dynamics": "a history of the IPR, such as interp.dynamics(run)",
    "EmbeddingTable": "an embedding table, such as interp.embedding_table(run)",
    "Figure": "a figure, such as interp.pruning_curve(run).plot()",
    "Filtration": "scores of filtered networks, such as interp.measures['filtration'](run)",
    "HeadAblation": "scores without each head, such as interp.head_ablation(run)",
    "Influence": "what leaving out changes, such as interp.measures['influence'](run)",
    "Information": "synergy between groups, such as interp.measures['information'](run)",
    "Layers": "what is decoded at hook points, such as interp.measures['layers'](run)",
    "Memory": "votes for wrong labels, such as interp.measures['memory'](run)",
    "NeuronTable": "a neuron table, such as interp.neuron_table(run)",
    "Outcome": "what came of an experiment, such as interp.experiments.run.experiment('ungrok')",
    "PairTable": "a pair table, such as interp.measures['pairs'](run)",
    "Partition": "a partition, such as interp.measures['partition'](run)",
    "Onsets": "onsets of signals, such as interp.measures['onsets'](run)",
    "Path": "the path of the weights, such as interp.measures['path'](run)",
    "PhaseDiagram": "a phase diagram, such as interp.phase_diagram(results)",
    "PreMemorization": "scores before memory, such as interp.measures['pre_memorization'](run)",
    "PruningCurve": "one pruning curve, such as interp.pruning_curve(run)['IPR', 'lowest']",
    "PruningCurves": "pruning curves, such as interp.pruning_curve(run)",
    "Scored": "scores of parts, such as interp.measures['progress'](run)",
    "TangentKernel": "tangent kernels, such as interp.measures['tangent_kernel'](run)",
}


def expect(value: object, kind: type[Kind]) -> Kind:
    """The value itself, if it is of the kind that a figure is drawn of.

    Raises:
        TypeError: naming a call that gives such a value, and what came.
    """
    return of_kind(value, kind, _WORDS[kind.__name__])
