"""Shape of the embeddings and of W_L: how many directions, of which frequencies, which circles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.mechanism.circles import Circle, Null, null_of, shares_and_ratios
from interp.analysis.mechanism.compared import Compared, Quantities, compared, table_of, values_of
from interp.analysis.mechanism.matrices import Matrix, matrices_of, no_frequencies
from interp.analysis.mechanism.singular import Spectrum, quantities_of, singular_values
from interp.analysis.mechanism.untrained import untrained_beside
from interp.training.arguments import MOST_DRAWS, share, whole
from interp.training.display import Result
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks.groups import GROUPS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Geometry(Result):
    """Singular values, directions and circles of each matrix, beside their controls.

    Attributes:
        rows: a matrix and quantity each: ``participation``, ``rank``, ``purity``,
            ``circle_ratio``, ``circle_share``, ``circles``.
        circles: the strongest frequencies of each matrix.
        spectra, untrained: singular values by matrix, descending, of the network and of the
            untrained network.
        caption: basis, controls, what counts as a circle, seed, step.
        name: of the run or network, for titles.
    """

    rows: tuple[Compared, ...]
    circles: tuple[Circle, ...]
    spectra: Mapping[str, Spectrum]
    untrained: Mapping[str, Spectrum]
    caption: str
    name: str = "network"

    COLUMNS: ClassVar[tuple[str, ...]] = ("matrix", "quantity", "value", "untrained", "gaussian")

    def values(self) -> dict[str, float | None]:
        """``W_E.participation``, ``W_E.participation_untrained``, ``…_gaussian``, and so on."""
        return values_of(self.rows)

    def to_pandas(self) -> pd.DataFrame:
        """A row a matrix and quantity: value, untrained, gaussian.

        Then three rows for each of its strongest frequencies: share of the power, ratio, whether it
        is a circle. Their ``gaussian`` is the share that the strongest frequency of 95 % of the
        Gaussian matrices stays below, and the median ratio.
        """
        return table_of([*self.rows, *(row for one in self.circles for row in one.rows())])


@measure(
    "geometry",
    source="circles: Liu et al. 2022 (arXiv 2205.10343); participation ratio Σ(s²)² over Σs⁴",
    refuses=no_frequencies,
)
def geometry(
    checkpoint: Checkpoint, *, top: int = 5, level: float = 0.8, draws: int = 100, seed: int = 0
) -> Geometry:
    """Singular values, purity of the directions and circles of the embeddings and of W_L.

    Of each matrix, elements first and centred over them, with singular values s:

    - ``participation``: (Σ s²)² / Σ s⁴, how many directions share the variance.
    - ``rank``: singular values above 0.01 of the greatest.
    - ``purity``: largest share of one frequency in each of the first 4 left singular vectors, mean.
    - ``circle_ratio``: of the two singular values of [cosine coefficients; sine coefficients] at a
      frequency, the smaller over the greater; the median over the ``top`` strongest frequencies.
      1 where the frequency's part of the elements lies on a circle.
    - ``circle_share``: of all power, what the strongest frequency has.
    - ``circles``: how many frequencies are circles.

    Gaussian matrices also have ratios near 1. A frequency counts as a circle only if its share is
    at least twice what the strongest frequency of 95 % of the Gaussian matrices of the same shape
    stays below, and its ratio is at least ``level``. Twice, since a product of matrices (W_L) and a
    wide MLP after training have a little more than Gaussian matrices, and no circle. Where there
    are but one or two frequencies none is one.

    Args:
        checkpoint: of a network with embeddings, on a task of a cyclic group.
        top: strongest frequencies of each matrix that the table shows.
        level: least ratio of a circle.
        draws: Gaussian matrices of each shape.
        seed: of the untrained network and of the Gaussian matrices.
    """
    whole(top, "top", least=1)
    whole(draws, "draws", least=1, most=MOST_DRAWS)
    share(level, "level")
    network = checkpoint.exact
    fresh, words = untrained_beside(network, seed)
    own, start = matrices_of(network), matrices_of(fresh) if fresh else {}
    null = {
        shape: null_of(shape, (top, level), draws, seed)
        for shape in {one.shape for one in own.values()}
    }
    nulls = {name: null[one.shape] for name, one in own.items()}
    strongest = (
        nulls[name].judge.strongest(name, one, start.get(name), nulls[name].ratio)
        for name, one in own.items()
    )
    return Geometry(
        compared(
            {name: _quantities(one, nulls[name]) for name, one in own.items()},
            {name: _quantities(one, nulls[name]) for name, one in start.items()},
            {name: one.quantities for name, one in nulls.items()},
        ),
        tuple(one for several in strongest for one in several),
        {name: singular_values(one) for name, one in own.items()},
        {name: singular_values(one) for name, one in start.items()},
        place(
            checkpoint.seed,
            checkpoint.step,
            GROUPS[network.task.group].words,
            f"circle: share ≥ 2 × 95 % null, ratio ≥ {level:g}",
            words,
            f"mean of {draws} Gaussians",
        ),
        checkpoint.name,
    )


def _quantities(matrix: Matrix, null: Null) -> Quantities:
    return {**quantities_of(matrix), **null.judge.quantities(*shares_and_ratios(matrix))}
