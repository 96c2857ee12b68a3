"""The matrices of a network that have a side of residues: its embeddings, and W_L."""

from __future__ import annotations

from collections import Counter

import numpy as np
from jaxtyping import Float

from interp.analysis.fourier.spectrum import in_group_order, one_sided_dft
from interp.analysis.neurons.embedding import embedding_table, no_embeddings
from interp.training.models.network import Network
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks.groups import GROUPS

Matrix = Float[np.ndarray, "dimension element"]
Waves = Float[np.ndarray, "dimension frequency"]

_FEWEST = 3  # elements with a frequency that has a cosine and a sine


def matrices_of(network: Network) -> dict[str, Matrix]:
    """The matrices by short name, in float64, over the group's elements in the group's order.

    ``U``, ``V``, ``W`` of an MLP; ``W_E`` (``first W_E`` and ``second W_E`` where each operand has
    its own), ``W_U`` and ``W_L`` of a Transformer. W_L, (neuron, answer), is the map from the last
    layer's neurons to the logits, W_out·W_U; an MLP's is W itself. It is left out where the logits
    are no sum over neurons. For × and ÷ the elements are the residues but zero, by discrete
    logarithm.

    Raises:
        ValueError: if the network has no embeddings that are known.
    """
    group = network.task.group
    curves = embedding_table(network).curves
    words = {name: name.split(" ") for name in curves}
    often = Counter(several[-1] for several in words.values())
    found = {
        several[-1] if often[several[-1]] == 1 else f"{several[0]} {several[-1]}": curves[name]
        for name, several in words.items()
    }
    last_map = network.readout(len(network.layers) - 1) if network.layers else None
    if last_map is not None:
        rows = last_map.detach().double().cpu().numpy()
        if not any(np.array_equal(rows, one) for one in found.values()):
            found["W_L"] = rows
    return {name: in_group_order(rows, group) for name, rows in found.items()}


def no_frequencies(checkpoint: Checkpoint) -> str | None:
    """Why the matrices of a network have no spectrum of cosines and sines."""
    reason = no_embeddings(checkpoint)
    if reason:
        return reason
    task = checkpoint.network.task
    if not GROUPS[task.group].is_cyclic:
        return f"expected a task of a cyclic group, got {task.group!r}, which has no frequencies"
    fewest = min(len(GROUPS[task.group].elements(n)) for n in (task.p, task.n_answers))
    if fewest < _FEWEST:
        return f"expected at least {_FEWEST} elements, which have a frequency, got {fewest}"
    return None


def waves(matrix: Matrix) -> tuple[Waves, Waves]:
    """Cosine and sine coefficients μ_k = Σ_t x_t cos(2πkt/n), ν_k = Σ_t x_t sin(2πkt/n).

    Over all n elements, for k = 1 … ⌈n/2⌉−1: the frequencies with a cosine and a sine, which are
    all but the constant and, for even n, the alternating function.
    """
    spectrum = one_sided_dft(matrix)[:, 1 : (matrix.shape[-1] + 1) // 2]
    return spectrum.real, -spectrum.imag


def gaussian(shape: tuple[int, ...], seed: int, draw: int) -> Matrix:
    """A matrix of independent standard normal numbers; each draw has a stream of its own."""
    return stream(seed, "null", draw).standard_normal(shape)
