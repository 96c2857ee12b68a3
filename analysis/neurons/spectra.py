"""The spectra of neurons' curves: of three that are alike, or of two and one of another length."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from interp.analysis.fourier.conventions import Convention
from interp.analysis.fourier.null import NullIPR, null_ipr, null_of_blocks, null_of_several
from interp.analysis.fourier.spectrum import (
    block_shares,
    blocks_of,
    coefficients,
    dominant_frequency,
    in_group_order,
    lengths,
    power_shares,
)
from interp.analysis.neurons.curves import Curves, by_curve, of_each
from interp.training.tasks.groups import GROUPS, Basis, frequency_sizes


class Spectra:
    """What follows from curves, a group and a convention; :class:`NeuronTable` has it all.

    Attributes:
        curves, group, convention, r: as there.
    """

    curves: Curves
    group: str
    convention: Convention
    r: float

    @property
    def alike(self) -> bool:
        """Whether all three curves run over the same elements, and have the same frequencies."""
        return isinstance(self.curves, np.ndarray)

    @property
    def words_of_lengths(self) -> str:
        """What captions say where the curves are not alike."""
        p, q = len(self.curves[0][0]), len(self.curves[2][0])
        return f"curves over {p} operands and {q} answers, each with frequencies of its own"

    @property
    def is_cyclic(self) -> bool:
        """Whether spectra have frequencies and phases; else blocks are irreps without either."""
        return GROUPS[self.group].is_cyclic

    @property
    def block(self) -> str:
        """What a place of a spectrum is called: ``frequency`` or ``irrep``."""
        return GROUPS[self.group].block

    @property
    def block_names(self) -> tuple[str, ...]:
        """Names of the places of the operands' spectra."""
        return GROUPS[self.group].basis(self.curves[0].shape[-1]).names

    @cached_property
    def coefficients(self) -> Curves:
        """One-sided Fourier coefficients of the curves, the constant first: as :attr:`curves`."""
        found: Curves = by_curve(lambda one: coefficients(one, self.group), self.curves)
        return found

    @cached_property
    def ordered(self) -> Curves:
        """The curves over the group's elements, in their order: as :attr:`curves`."""
        found: Curves = by_curve(lambda one: in_group_order(one, self.group), self.curves)
        return found

    @property
    def lengths(self) -> tuple[int, int, int]:
        """Number of group elements that each curve's spectrum runs over."""
        first, second, answer = (one.shape[-1] for one in self.ordered)
        return first, second, answer

    @property
    def elements(self) -> int:
        """Number of group elements that the spectra of operands run over."""
        return self.lengths[0]

    @property
    def basis(self) -> Basis | None:
        """The blocks of functions that spectra are read in; None for frequencies of a DFT."""
        return self._basis_of(self.curves[0])

    def _basis_of(self, curves: Float[np.ndarray, "*batch residue"]) -> Basis | None:
        return blocks_of(self.group, curves.shape[-1])

    @cached_property
    def null(self) -> NullIPR:
        """The IPR of a neuron whose three curves are noise, in the table's convention and basis."""
        if not self.alike:
            sizes = [self._block_sizes(one) for one in self.curves]
            return null_of_several(sizes, self.convention, self.r)
        if self.basis is None:
            return null_ipr(self.elements, 3, self.convention, self.r)
        return null_of_blocks(self.basis.sizes, 3, self.convention, self.r)

    def _block_sizes(self, curves: Float[np.ndarray, "neuron residue"]) -> Int[np.ndarray, " b"]:
        basis = self._basis_of(curves)
        if basis is None:
            return frequency_sizes(in_group_order(curves, self.group).shape[-1])
        return basis.sizes

    @cached_property
    def norms(self) -> Float[np.ndarray, "3 neuron"]:
        """L2 norm of each curve."""
        return of_each(lengths, self.curves)

    def over(self, curves: Float[np.ndarray, "*batch residue"]) -> np.ndarray:
        """Curves over the group's elements, in their order."""
        return in_group_order(curves, self.group)

    def way(self, curves: Float[np.ndarray, "*batch residue"]) -> tuple[Convention, Basis | None]:
        """How the power of some curves is counted."""
        return self.convention, self._basis_of(curves)

    @cached_property
    def frequencies(self) -> Int[np.ndarray, "3 neuron"]:
        """Dominant frequency, or irrep, of each curve, the constant left out."""
        if self.is_cyclic:
            return of_each(dominant_frequency, self.coefficients)
        return of_each(lambda one: dominant_frequency(one.astype(complex)), self.curve_shares)

    @cached_property
    def curve_shares(self) -> Curves:
        """Share of power of each curve in each block: one-sided of a frequency, or of an irrep."""
        basis = self.basis
        if basis is None:
            return by_curve(power_shares, self.coefficients)
        return by_curve(lambda one: block_shares(one, basis), self.ordered)

    @cached_property
    def shares(self) -> Float[np.ndarray, "neuron frequency"]:
        """Share of one-sided power at each frequency, mean over the curves that have it in common.

        These are all three, or the two over operands where answers have frequencies of their own.
        In a group without frequencies it is the share of power in each irrep.
        """
        return np.asarray(self._in_common.mean(axis=0))

    @cached_property
    def answer_shares(self) -> Float[np.ndarray, "neuron frequency"]:
        """Share of one-sided power of the answer curves at each frequency."""
        return np.asarray(self.curve_shares[2])

    @property
    def _in_common(self) -> Float[np.ndarray, "curve neuron frequency"]:
        """The shares of the curves whose frequencies are the same."""
        return np.asarray(self.curve_shares if self.alike else self.curve_shares[:2])

    @cached_property
    def frequency(self) -> Int[np.ndarray, " neuron"]:
        """Frequency with the most relative power over the curves together, as in :attr:`shares`.

        In a group without frequencies it is the number of the irrep.
        """
        total = self._in_common.sum(axis=0)
        return np.asarray(dominant_frequency(total.astype(complex)))

    @property
    def shown_frequency(self) -> Int[np.ndarray, "3 neuron"]:
        """The frequency that a phase of each curve is read at.

        It is the neuron's, and for answers with frequencies of their own their dominant one.
        """
        found = np.broadcast_to(self.frequency, self.frequencies.shape)
        return found if self.alike else np.stack([*found[:2], self.frequencies[2]])

    @cached_property
    def phases(self) -> Float[np.ndarray, "3 neuron"]:
        """Phase of each curve at :attr:`shown_frequency`, in (−π, π]: curve ≈ A cos(ωi + phase)."""
        rows = zip(self.coefficients, self.shown_frequency, strict=True)
        found = [np.take_along_axis(one, at[:, None], axis=-1)[:, 0] for one, at in rows]
        return np.angle(np.stack(found))
