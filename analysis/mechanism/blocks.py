"""Curves over a group in the blocks of its basis: frequencies, or irreps of any finite group."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from interp.analysis.fourier.spectrum import block_power, in_group_order
from interp.training.tasks.groups import GROUPS, Basis


def basis_over(group: str, residues: int) -> Basis:
    """The functions on a group's elements in blocks; block 0 is the constant."""
    return GROUPS[group].basis(residues)


def powers(
    curves: Float[np.ndarray, "*batch residue"], group: str
) -> Float[np.ndarray, "*batch block"]:
    """Squared length of each curve's part in each block; residues that are no element left out."""
    basis = basis_over(group, curves.shape[-1])
    return block_power(in_group_order(curves, group), basis)


def kept(
    curves: Float[np.ndarray, "neuron residue"], group: str, keep: Bool[np.ndarray, "neuron block"]
) -> Float[np.ndarray, "neuron residue"]:
    """The curves with the parts in the other blocks taken away.

    Residues that are no element of the group (zero, for × and ÷) keep their values.

    Args:
        curves: a row a neuron.
        group: a name of GROUPS.
        keep: which blocks each neuron keeps.
    """
    basis, order = basis_over(group, curves.shape[-1]), GROUPS[group].elements(curves.shape[-1])
    parts = (curves[:, order] @ basis.matrix) * keep[:, basis.block]
    found = curves.copy()
    found[:, order] = parts @ basis.matrix.T
    return found


def strongest(
    power: Float[np.ndarray, "neuron block"], count: int = 1
) -> Int[np.ndarray, "neuron count"]:
    """The blocks with the most power, the constant left out, the greatest first."""
    return 1 + np.argsort(-power[:, 1:], axis=1, kind="stable")[:, :count]


def only(blocks: Int[np.ndarray, "neuron count"], count: int) -> Bool[np.ndarray, "neuron block"]:
    """Which of ``count`` blocks each neuron keeps, from the numbers of those that it does."""
    keep = np.zeros((len(blocks), count), dtype=bool)
    np.put_along_axis(keep, blocks, True, axis=1)
    return keep


def random_blocks(
    neurons: int, count: int, basis: Basis, random: np.random.Generator
) -> Int[np.ndarray, "neuron count"]:
    """Different blocks for each neuron, never the constant, as often as they have functions."""
    sizes = basis.sizes[1:]
    # The greatest of log-weights plus Gumbel noise are a draw without replacement.
    drawn = np.log(sizes) + random.gumbel(size=(neurons, len(sizes)))
    return 1 + np.argsort(-drawn, axis=1)[:, :count]


def redrawn(
    curves: Float[np.ndarray, "neuron element"], basis: Basis, random: np.random.Generator
) -> Float[np.ndarray, "neuron element"]:
    """Random curves with as much power in each block as each of the given ones."""
    members = np.eye(len(basis.names))[basis.block]
    noise = random.normal(size=(len(curves), len(basis.block)))
    wanted, drawn = ((one**2) @ members for one in (curves @ basis.matrix, noise))
    return (noise * np.sqrt(wanted / drawn)[:, basis.block]) @ basis.matrix.T
