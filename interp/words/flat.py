"""Whether a spectrum, summed over the dimensions of an embedding, says anything at all."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from interp.analysis.fourier.conventions import counted
from interp.analysis.fourier.ipr import participation
from interp.analysis.fourier.null import null_of_blocks
from interp.analysis.neurons.embedding import EmbeddingTable
from interp.training.tasks.groups import GROUPS, frequency_sizes

_DRAWS = 2000  # of noise: its mean IPR to one per cent


def flat_spectrum(table: EmbeddingTable) -> str:
    """A sentence where no frequency stands out of the embeddings; empty where one does.

    The power is summed over all dimensions, as figures of embeddings show it. It is called flat
    where, for every matrix, the IPR of that sum is not above the mean IPR of a single curve of
    Gaussian noise. The dimensions may be narrow all the same, each at a frequency of its own.

    Args:
        table: the embeddings, whose convention and exponent are used for both.
    """
    # A curve over one element has one coefficient, and noise no other spectrum.
    curves = [name for name in table.curves if _sizes(table, name).sum() > 1]
    pairs = [_sum_and_noise(table, name) for name in curves]
    known = [(found, noise) for found, noise in pairs if np.isfinite(found)]
    if not known or any(found > noise for found, noise in known):
        return ""
    found, noise = max(known, key=lambda pair: pair[0] / pair[1])
    return (
        f"No {table.block} stands out: summed over all dimensions, the spectrum is flatter than "
        f"that of one curve of noise (IPR of the sum {found:.3f}, of such a curve {noise:.3f} on "
        "average)."
    )


def _sum_and_noise(table: EmbeddingTable, name: str) -> tuple[float, float]:
    """IPR of a matrix' spectrum summed over its dimensions, and mean IPR of a curve of noise."""
    sizes, share = _sizes(table, name), table.shares[name]
    # The share of a frequency is that of one coefficient, which stands for cosine and sine.
    power = share * sizes if GROUPS[table.group].is_cyclic else share
    found = participation(counted(power, sizes, table.convention), table.r)
    return float(found), null_of_blocks(sizes, 1, table.convention, table.r, _DRAWS).mean


def _sizes(table: EmbeddingTable, name: str) -> Int[np.ndarray, " block"]:
    """How many functions each place of a matrix' spectrum has."""
    group, length = GROUPS[table.group], table.curves[name].shape[-1]
    if group.is_cyclic:
        return np.asarray(frequency_sizes(len(group.elements(length))))
    return np.asarray(group.basis(length).sizes)
