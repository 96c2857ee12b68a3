"""Every measure by name; each is loaded when it is first used.

A new one is a function with :func:`interp.analysis.measure.measure` above it, and a row here. A
user's own needs no row: the decorator adds it.
"""

from __future__ import annotations

from typing import Any

from interp.training.registry import Registry

_ROWS = {
    "answers": "interp.analysis.neurons.answers:answers",
    "bands": "interp.analysis.neurons.bands:bands",
    "classes": "interp.analysis.neurons.classify:classes",
    "embeddings": "interp.analysis.neurons.embedding:embeddings",
    "neurons": "interp.analysis.neurons.read:neurons",
    "norms": "interp.analysis.neurons.norm_weights:norms",
    "solution": "interp.analysis.neurons.solution:solution",
    "attention_constancy": "interp.analysis.mechanism.attention_constancy:attention_constancy",
    "characters": "interp.analysis.mechanism.characters:characters",
    "cosets": "interp.analysis.mechanism.cosets:cosets",
    "distance_irrelevance": "interp.analysis.mechanism.distance_irrelevance:distance_irrelevance",
    "geometry": "interp.analysis.mechanism.geometry:geometry",
    "gradient_symmetricity": "interp.analysis.mechanism.gradients:gradient_symmetricity",
    "sparsity": "interp.analysis.mechanism.sparsity:sparsity",
    "heads": "interp.analysis.ablation.heads:heads",
    "needed": "interp.analysis.ablation.needed:needed",
    "pruning": "interp.analysis.ablation.shares:pruning",
    "pruning_at_threshold": "interp.analysis.ablation.by_class:pruning_at_threshold",
    "pruning_curves": "interp.analysis.ablation.pruning_curves:curves",
    "activation_swap": "interp.analysis.mechanism.swap:activation_swap",
    "coherence": "interp.analysis.mechanism.coherence:coherence",
    "filtration": "interp.analysis.mechanism.filtration:filtration",
    "progress": "interp.analysis.mechanism.progress:progress",
    "partition": "interp.analysis.mechanism.partition:partition",
    "decoys": "interp.analysis.mechanism.decoys:decoys",
    "detection": "interp.analysis.memorization.detection:detection",
    "repair": "interp.analysis.memorization.repair:repair",
    "scores": "interp.analysis.scoring:scoring",
    "influence": "interp.analysis.memorization.influence:influence",
    "memory": "interp.analysis.memorization.memory:memory",
    "layers": "interp.analysis.memorization.layers:layers",
    "pairs": "interp.analysis.memorization.pair_table:pairs",
    "pre_memorization": "interp.analysis.memorization.pre_memorization:pre_memorization",
    "phase": "interp.analysis.phases.phase:phase_of",
    "grok": "interp.analysis.phases.grok:grok",
    "stages": "interp.analysis.phases.stages:stages",
    "weights": "interp.analysis.trajectory.weights:weights",
    "efficiency": "interp.analysis.trajectory.efficiency:efficiency",
    "signals": "interp.analysis.trajectory.signals:signals",
    "recorded": "interp.analysis.trajectory.recorded:recorded",
    "onsets": "interp.analysis.trajectory.onsets:onsets",
    "path": "interp.analysis.trajectory.path:path",
    "information": "interp.analysis.mechanism.information:information",
    "lipschitz": "interp.analysis.trajectory.lipschitz:lipschitz",
    "sharpness": "interp.analysis.trajectory.sharpness:sharpness",
    "ipr_history": "interp.analysis.trajectory.ipr_history:ipr_history",
    "pruning_history": "interp.analysis.trajectory.pruning_history:pruning_history",
    "tangent_kernel": "interp.analysis.trajectory.tangent_kernel:tangent_kernel",
    "phase_diagram": "interp.analysis.sweeps.diagram:diagram",
    "boundary": "interp.analysis.sweeps.boundary:boundary",
}

# Of ``interp.analysis.measure.Measure``, which stands above this table.
MEASURES: Registry[Any] = Registry("measure", dict(_ROWS), "interp.measures")
