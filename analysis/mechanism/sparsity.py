"""How sparse the Fourier spectra of the embeddings and of W_L are: FFD, FCR, Gini."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Float

from interp.analysis.caption import place
from interp.analysis.fourier.ipr import gini_of
from interp.analysis.fourier.spectrum import lengths
from interp.analysis.measure import measure
from interp.analysis.mechanism.compared import Compared, compared, mean_of, table_of, values_of
from interp.analysis.mechanism.matrices import (
    Matrix,
    Waves,
    gaussian,
    matrices_of,
    no_frequencies,
    waves,
)
from interp.analysis.mechanism.untrained import untrained_beside
from interp.analysis.neurons.table import NO_POWER
from interp.training.arguments import MOST_DRAWS, share, whole
from interp.training.display import Result
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks.groups import GROUPS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Sparsity(Result):
    """FFD, FCR and Gini coefficient of each matrix, beside their controls.

    Attributes:
        rows: a matrix and quantity (``ffd``, ``fcr``, ``gini``) each.
        caption: basis, threshold, controls, seed, step.
        name: of the run or network, for titles.
    """

    rows: tuple[Compared, ...]
    caption: str
    name: str = "network"

    COLUMNS: ClassVar[tuple[str, ...]] = ("matrix", "quantity", "value", "untrained", "gaussian")

    def values(self) -> dict[str, float | None]:
        """``W_E.ffd``, ``W_E.ffd_untrained``, ``W_E.ffd_gaussian``, and so on."""
        return values_of(self.rows)

    def to_pandas(self) -> pd.DataFrame:
        """A row a matrix and quantity: value, untrained, gaussian."""
        return table_of(self.rows)


def sparsity_of(matrix: Matrix, eta: float = 0.5) -> dict[str, float | None]:
    """FFD, FCR and Gini coefficient of one matrix, see :func:`sparsity`.

    Args:
        matrix: (dimension, element), the elements in the group's order.
        eta: the threshold of FFD.

    Returns:
        ``ffd``, ``fcr``, ``gini``; None where no frequency has power.
    """
    # Rounding leaves a trace of every frequency, of which nothing is to be counted.
    least = NO_POWER * float(np.linalg.norm(matrix))
    cosine, sine = (np.where(norm > least, norm, 0) for norm in map(_norms, waves(matrix)))
    both = np.hypot(cosine, sine)
    alive = both > 0
    if not alive.any():
        return {"ffd": None, "fcr": None, "gini": None}
    above = [norms > eta * norms.max() for norms in (cosine, sine)]
    low, high = np.minimum(cosine, sine)[alive], np.maximum(cosine, sine)[alive]
    return {
        "ffd": float(np.mean(above)),
        "fcr": float((low / high).mean()),
        "gini": float(gini_of(both)),
    }


def _norms(coefficients: Waves) -> Float[np.ndarray, " frequency"]:
    return lengths(coefficients.T)


@measure(
    "sparsity",
    source="Furuta et al. 2024 (arXiv 2402.16726), FFD and FCR; Gini as Nanda et al. 2023 "
    "(arXiv 2301.05217)",
    refuses=no_frequencies,
)
def sparsity(
    checkpoint: Checkpoint, *, eta: float = 0.5, draws: int = 10, seed: int = 0
) -> Sparsity:
    """How sparse the spectra of the embeddings and of W_L are: FFD, FCR and Gini coefficient.

    With μ_k and ν_k the cosine and sine coefficients of a matrix at frequency k over all elements
    of the group, vectors over the other dimension, and K frequencies 1 … ⌈n/2⌉−1:

    - FFD = mean over k and over {cos, sin} of [‖·‖ > η · max], the maximum over k taken for cosines
      and sines separately: 1 for a flat spectrum, low for a sparse one.
    - FCR = mean over k of min(‖μ_k‖/‖ν_k‖, ‖ν_k‖/‖μ_k‖), over the frequencies with power: low where
      they are cosines or sines alone. (The paper's sums run over half of the residues.)
    - Gini coefficient of √(‖μ_k‖² + ‖ν_k‖²) over k: 0 if flat, 1 − 1/K for one frequency.

    Args:
        checkpoint: of a network with embeddings, on a task of a cyclic group.
        eta: η, the share of the maximum above which FFD counts.
        draws: Gaussian matrices of each shape, whose mean stands beside.
        seed: of the untrained network and of the Gaussian matrices.
    """
    share(eta, "eta")
    whole(draws, "draws", least=1, most=MOST_DRAWS)
    network = checkpoint.exact
    fresh, words = untrained_beside(network, seed)
    own = matrices_of(network)
    null = {
        shape: mean_of([sparsity_of(gaussian(shape, seed, i), eta) for i in range(draws)])
        for shape in {matrix.shape for matrix in own.values()}
    }
    rows = compared(
        {name: sparsity_of(matrix, eta) for name, matrix in own.items()},
        {name: sparsity_of(m, eta) for name, m in (matrices_of(fresh) if fresh else {}).items()},
        {name: null[matrix.shape] for name, matrix in own.items()},
    )
    parts = [GROUPS[network.task.group].words, f"FFD above {eta:g} of the largest", words]
    parts.append(f"mean of {draws} Gaussians")
    return Sparsity(rows, place(checkpoint.seed, checkpoint.step, *parts), checkpoint.name)
