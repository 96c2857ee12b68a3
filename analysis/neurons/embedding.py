"""The spectrum of each dimension of the embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, singledispatch
from typing import TYPE_CHECKING, cast

import numpy as np
from jaxtyping import Complex, Float

from interp.analysis.caption import caption
from interp.analysis.fourier.conventions import Convention, convention_in
from interp.analysis.fourier.ipr import exponent, ipr
from interp.analysis.fourier.spectrum import (
    block_power,
    blocks_of,
    coefficients,
    in_group_order,
    lengths,
    power_shares,
)
from interp.analysis.measure import measure
from interp.analysis.neurons.table import NO_POWER
from interp.analysis.neurons.weights import mlp_matrices
from interp.training.display import Result
from interp.training.models.arrays import MLPArrays
from interp.training.models.network import Network, undefined
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.subject import Source, as_checkpoint
from interp.training.tasks.groups import GROUPS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class EmbeddingTable(Result):
    """The embeddings of a network, one curve over the residues for each of their dimensions.

    Attributes:
        curves: by matrix, (dimension, residue): ``first operand U``, ``second operand V`` and
            ``answer W`` of a two-layer MLP (its dimensions are neurons); ``embedding W_E`` and
            ``unembedding W_U`` of a Transformer, ``first operand W_E`` and ``second operand W_E``
            where each operand has embeddings of its own.
        group: the group whose characters the spectra use.
        convention, r: of every IPR.
        step, seed: of the checkpoint; None for a network that comes from no run.
        name: of the run or network, for titles.
    """

    curves: dict[str, Float[np.ndarray, "dimension residue"]]
    group: str
    convention: Convention = "one-sided"
    r: float = 2
    step: int | None = None
    seed: int | None = None
    name: str = "network"

    @property
    def caption(self) -> str:
        """Where the values come from: convention, basis, seed and step."""
        lengths = dict.fromkeys(rows.shape[-1] for rows in self.curves.values())
        own = "curves over " + " and ".join(map(str, lengths)) + " residues"
        where = own if len(lengths) > 1 else None
        return caption(self.convention, self.r, self.group, self.seed, self.step, where)

    @cached_property
    def coefficients(self) -> dict[str, Complex[np.ndarray, "dimension frequency"]]:
        """One-sided Fourier coefficients of every dimension, the constant first."""
        return {name: coefficients(rows, self.group) for name, rows in self.curves.items()}

    @cached_property
    def shares(self) -> dict[str, Float[np.ndarray, " frequency"]]:
        """Share of power at each frequency, power summed over the dimensions."""
        if GROUPS[self.group].is_cyclic:
            return {
                name: power_shares(lengths(np.abs(spectra).T).astype(complex))
                for name, spectra in self.coefficients.items()
            }
        basis = GROUPS[self.group].basis
        power = {
            name: block_power(rows, basis(rows.shape[-1])).sum(axis=0)
            for name, rows in self.curves.items()
        }
        return {name: one / max(one.sum(), np.finfo(float).tiny) for name, one in power.items()}

    @property
    def block(self) -> str:
        """What a place of a spectrum is called: ``frequency`` or ``irrep``."""
        return GROUPS[self.group].block

    @property
    def block_names(self) -> tuple[str, ...]:
        """Names of the places of the first matrix' spectra."""
        first = next(iter(self.curves.values()))
        return GROUPS[self.group].basis(first.shape[-1]).names

    @cached_property
    def ipr(self) -> dict[str, Float[np.ndarray, " dimension"]]:
        """IPR of each dimension; NaN for one without power."""
        found = {}
        for name, rows in self.curves.items():
            ordered = in_group_order(rows, self.group)
            norms = lengths(ordered)
            basis = blocks_of(self.group, rows.shape[-1])
            values = np.asarray(ipr(ordered, self.r, self.convention, basis))
            found[name] = np.where(norms > NO_POWER * norms.max(initial=0), values, np.nan)
        return found

    def values(self) -> dict[str, float | None]:
        """Mean IPR of each matrix, and over the matrices that have one."""
        found = {f"{name}.mean_ipr": value for name, value in self.mean_ipr.items()}
        known = [value for value in found.values() if value is not None]
        return {"embedding_mean_ipr": sum(known) / len(known) if known else None, **found}

    def to_pandas(self) -> pd.DataFrame:
        """A row a frequency: the share of each matrix's power, summed over the dimensions.

        NaN where a matrix has fewer frequencies, as one of answers may have.
        """
        import pandas as pd

        rows = {name: pd.Series(share) for name, share in self.shares.items()}
        return pd.DataFrame(rows).rename_axis(index=self.block, columns="matrix")

    @property
    def mean_ipr(self) -> dict[str, float | None]:
        """Average over the dimensions that have power; None where none has."""
        alive = {name: values[np.isfinite(values)] for name, values in self.ipr.items()}
        return {name: float(v.mean()) if len(v) else None for name, v in alive.items()}


def embedding_table(
    source: Source,
    step: int | None = None,
    convention: Convention | None = None,
    r: float = 2,
    group: str | None = None,
) -> EmbeddingTable:
    """Reads the embeddings of a network of any kind.

    Args:
        source: a run or its folder (its newest checkpoint, or ``step``'s), a checkpoint, or a
            network.
        step: which checkpoint of a run.
        convention: of the IPR; by default the reference code's for frequencies, else by irrep.
        r: exponent of the IPR.
        group: whose characters to use; the default is the group of the task.

    Raises:
        ValueError: if the run has no such checkpoint, the group or the convention is unknown,
            or the group needs a prime modulus.
    """
    origin = as_checkpoint(source, step)
    group = GROUPS.check(origin.task.group if group is None else group)
    convention = convention_in(group, convention)
    exponent(r)
    return EmbeddingTable(
        _matrices(origin.readable), group, convention, r, origin.step, origin.seed, origin.name
    )


@singledispatch
def _matrices(network: Network | MLPArrays) -> dict[str, np.ndarray]:
    """Of a network that is made, hence where torch is loaded."""
    from interp.analysis.neurons.embedding_matrices import embedding_matrices

    return embedding_matrices(cast(Network, network))


_matrices.register(MLPArrays)(mlp_matrices)


def no_embeddings(checkpoint: Checkpoint) -> str | None:
    """Why a network has no embeddings that are known."""
    network = checkpoint.readable
    if isinstance(network, MLPArrays):
        return None
    from interp.analysis.neurons.embedding_matrices import has_embeddings

    return None if has_embeddings(network) else str(undefined("embeddings", network))


@measure(
    "embeddings",
    source="Doshi et al. 2024 (arXiv 2310.13061), figure 7",
    refuses=no_embeddings,
)
def embeddings(
    checkpoint: Checkpoint, *, convention: Convention | None = None, r: float = 2
) -> EmbeddingTable:
    """The Fourier spectrum and IPR of each dimension of the embeddings."""
    return embedding_table(checkpoint, convention=convention, r=r)
