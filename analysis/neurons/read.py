"""Reads the neuron table of a run, a checkpoint or a network."""

from __future__ import annotations

from functools import singledispatch
from typing import cast

import numpy as np

from interp.analysis.fourier.conventions import Convention, convention_in
from interp.analysis.fourier.ipr import exponent
from interp.analysis.measure import measure
from interp.analysis.neurons.origin import ReadCurves
from interp.analysis.neurons.table import NeuronTable
from interp.analysis.neurons.weights import mlp_curves
from interp.training.models.arrays import MLPArrays, as_array
from interp.training.models.digest import weights_digest
from interp.training.models.network import Network
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.run import Run
from interp.training.runs.subject import Source, as_checkpoint
from interp.training.tasks.groups import GROUPS


def neuron_table(
    source: Source,
    step: int | None = None,
    convention: Convention | None = None,
    r: float = 2,
    group: str | None = None,
    layer: int = 0,
) -> NeuronTable:
    """Reads every neuron of a hidden layer.

    The curves of a deeper network or a Transformer are composed maps (see ``composition``), those
    of an adapted module are measured (see ``additive``).

    Args:
        source: a run or its folder (its newest checkpoint, or ``step``'s), a checkpoint, or a
            network.
        step: which checkpoint of a run.
        convention: of the IPR; by default the reference code's for frequencies, else by irrep.
        r: exponent of the IPR.
        group: whose characters to use; the default is the group of the task.
        layer: which hidden layer, counted from 0.

    Raises:
        ValueError: if the run has no such checkpoint or layer, the group or the convention is
            unknown, or the group needs a prime modulus.
    """
    origin = as_checkpoint(source, step)
    network = origin.readable
    group = GROUPS.check(network.task.group if group is None else group)
    convention = convention_in(group, convention)
    exponent(r)
    found = _curves(network, layer)
    one = network.layers[layer]
    return NeuronTable(
        task=network.task,
        curves=found.values,
        group=group,
        convention=convention,
        r=r,
        step=origin.step,
        seed=origin.seed,
        name=origin.name,
        layer=layer,
        layers=len(network.layers),
        digest=weights_digest(network),
        origin=found,
        activation=one.activation,
        norm_weight=None if one.norm is None else np.abs(as_array(one.norm.w).astype(float)),
        redrawn=None if origin.dataset is None else int(origin.dataset.is_redrawn.sum()),
    )


@singledispatch
def _curves(network: Network | MLPArrays, layer: int) -> ReadCurves:
    """Of a network that is made, hence where torch is loaded."""
    from interp.analysis.neurons.composition import read_curves

    return read_curves(cast(Network, network), layer)


_curves.register(MLPArrays)(mlp_curves)


def no_neurons(checkpoint: Checkpoint) -> str | None:
    """Why a measure of neurons is not defined on a network."""
    if not checkpoint.readable.layers:
        return "an attention-only network has no neurons; see its heads"
    return None


def no_neurons_in(run: Run) -> str | None:
    """Why a measure of neurons over a whole run is not defined on it; no checkpoint is read."""
    return no_neurons(Checkpoint(run.empty_network()))


@measure("neurons", source="Doshi et al. 2024 (arXiv 2310.13061), Eq. 3", refuses=no_neurons)
def neurons(
    checkpoint: Checkpoint, *, layer: int = 0, convention: Convention | None = None, r: float = 2
) -> NeuronTable:
    """The neurons of a hidden layer: curves, spectra, IPR, phases; a row each.

    Args:
        checkpoint: of any network with neurons.
        layer: which hidden layer, counted from 0.
        convention: of the IPR; by default the reference code's for frequencies, else by irrep.
        r: exponent of the IPR.
    """
    return neuron_table(checkpoint, convention=convention, r=r, layer=layer)
