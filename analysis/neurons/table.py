"""The neuron table: one row a neuron, with its curves, their spectra and its IPR."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float

from interp.analysis.caption import caption
from interp.analysis.fourier.conventions import Convention
from interp.analysis.fourier.ipr import gini, ipr
from interp.analysis.fourier.spectrum import lengths, wrapped
from interp.analysis.neurons.curves import Curves, of_each
from interp.analysis.neurons.origin import ReadCurves
from interp.analysis.neurons.rows import arrow_table, parquet_bytes
from interp.analysis.neurons.spectra import Spectra
from interp.training.display import Result
from interp.training.models.layers.activation import degree_of
from interp.training.runs.files import write_bytes
from interp.training.tasks.finite.words import Word
from interp.training.tasks.task import Task

if TYPE_CHECKING:
    import pandas as pd

CURVES = ("first operand U", "second operand V", "answer W")
QUANTILES = {"ipr_q05": 0.05, "ipr_q25": 0.25, "ipr_q50": 0.50, "ipr_q75": 0.75, "ipr_q95": 0.95}

# A curve whose norm is below this share of the layer's largest curve of its kind has no power.
NO_POWER = 1e-9


@dataclass(frozen=True, repr=False)
class NeuronTable(Spectra, Result):
    """Neurons of one hidden layer.

    Attributes:
        task: what the network was trained on.
        curves: (3, neuron, residue) U, V and Wᵀ; where there are not as many answers as operands,
            three arrays, of which Wᵀ is (neuron, answer) and read in the group of the answers.
        group: the group whose characters the spectra use.
        convention, r: of every IPR in the table.
        step, seed: of the checkpoint; None for a network that comes from no run.
        name: of the run or network, for titles.
        layer, layers: which hidden layer, counted from 0, of how many.
        norm_weight: |w| of the norm on each neuron; None in a layer without one.
        digest: of the network's weights; None for a table that was made by hand.
        redrawn: number of training examples with a redrawn label; None where it is not known.
        origin: how the curves came about, where they are measured.
        activation: name of φ of the layer; None where it is not known.
    """

    task: Task
    curves: Curves
    group: str
    convention: Convention = "one-sided"
    r: float = 2
    step: int | None = None
    seed: int | None = None
    name: str = "network"
    layer: int = 0
    layers: int = 1
    norm_weight: Float[np.ndarray, " neuron"] | None = None
    digest: str | None = None
    redrawn: int | None = None
    origin: ReadCurves | None = None
    activation: str | None = None

    def __len__(self) -> int:
        return len(self.curves[0])

    @property
    def key(self) -> str | None:
        """What classes and curves share with the table they are of; None for one made by hand."""
        if self.digest is None:
            return None
        return f"{self.digest} {self.layer} {self.group} {self.convention} {self.r:g}"

    @property
    def caption(self) -> str:
        """Where the values come from: convention, basis, seed and step."""
        where = [f"hidden layer {self.layer} (of 0 to {self.layers - 1})"] * (self.layers > 1)
        where += [self.origin.told] if self.origin is not None and self.origin.told else []
        place = " · ".join(where) or None
        words = caption(self.convention, self.r, self.group, self.seed, self.step, place)
        return words if self.alike else f"{words} · {self.words_of_lengths}"

    @cached_property
    def norm(self) -> Float[np.ndarray, " neuron"]:
        """L2 norm of all weights of a neuron."""
        return lengths(self.norms.T)

    @cached_property
    def invariant_norm(self) -> Float[np.ndarray, " neuron"]:
        """(‖u‖² + ‖v‖²)^(d/2) · ‖w‖, which rescaling a neuron leaves as it is.

        Where φ(cx) = c^d φ(x), weights c·u, c·v and c^−d·w make the same function for every c > 0.
        d is 1 where φ has no such degree or is not known, as :attr:`note` then says.
        """
        u, v, w = self.norms
        degree = 1.0 if self.degree is None else self.degree
        return np.asarray(np.hypot(u, v) ** degree * w)

    @cached_property
    def degree(self) -> float | None:
        """The d of φ(cx) = c^d φ(x) for every c > 0; None where none is, or φ is not known."""
        return None if self.activation is None else degree_of(self.activation)

    @property
    def note(self) -> str:
        """That the invariant norm is not invariant; the IPR of curves that are not of one irrep."""
        return " · ".join(one for one in (self._apart, self._of_norm) if one)

    @property
    def _apart(self) -> str:
        if not self.curves_apart:
            return ""
        told = ", ".join(f"{curve[-1]} {value:.3f}" for curve, value in self._mean_by_curve())
        return f"mean of three curves that may lie in other irreps; apart: {told}"

    @property
    def curves_apart(self) -> bool:
        """Whether the operation is no product of the operands: curves need not share irreps."""
        formula = self.task.operation.formula
        return isinstance(formula, Word) and not formula.is_product

    def _mean_by_curve(self) -> list[tuple[str, float]]:
        alive = self.curve_ipr[:, ~self.dead]
        known = [row[np.isfinite(row)] for row in alive]
        return [
            (name, float(row.mean())) for name, row in zip(CURVES, known, strict=True) if len(row)
        ]

    @property
    def _of_norm(self) -> str:
        if self.degree is not None:
            return ""
        why = f"{self.activation} is not homogeneous" if self.activation else "φ is not known"
        return f"invariant norm with d = 1, as {why}"

    @cached_property
    def has_power(self) -> Bool[np.ndarray, "3 neuron"]:
        """Which curves have any power over the group's elements."""
        norms = of_each(lengths, self.ordered)
        largest = norms.max(axis=1, keepdims=True)
        return norms > NO_POWER * largest

    @cached_property
    def dead(self) -> Bool[np.ndarray, " neuron"]:
        """Neurons without power: no answer curve, or no curve over either operand."""
        first, second, answer = self.has_power
        return ~(answer & (first | second))

    @cached_property
    def curve_ipr(self) -> Float[np.ndarray, "3 neuron"]:
        """IPR of each curve; NaN where a curve has no power."""
        return self._where_power(
            of_each(lambda one: ipr(self.over(one), self.r, *self.way(one)), self.curves)
        )

    @cached_property
    def ipr(self) -> Float[np.ndarray, " neuron"]:
        """Mean IPR over the curves that have power; NaN for a dead neuron, which has none."""
        return self._over_curves(self.curve_ipr)

    @cached_property
    def gini(self) -> Float[np.ndarray, " neuron"]:
        """Mean Gini coefficient of a neuron's spectra; NaN for a dead neuron."""
        values = of_each(lambda one: gini(self.over(one), *self.way(one)), self.curves)
        return self._over_curves(self._where_power(values))

    @cached_property
    def constant_share(self) -> Float[np.ndarray, " neuron"]:
        """Mean share of one-sided power in the constant; NaN for a dead neuron."""
        share = of_each(lambda one: one[..., 0], self.curve_shares)
        return self._over_curves(self._where_power(share))

    @cached_property
    def zero_share(self) -> Float[np.ndarray, " neuron"]:
        """Mean share of squared weight on the zero residue, which × and ÷ keep apart."""
        norms = self.norms
        zero = of_each(lambda one: one[..., 0], self.curves)
        share = np.divide(zero, norms, out=np.zeros_like(norms), where=norms > 0)
        return self._over_curves(self._where_power(share**2))

    @cached_property
    def phase_error(self) -> Float[np.ndarray, " neuron"] | None:
        """A ± b − c in [−π, π), zero for a neuron of the solution; None where none is known.

        The sign is + for x+y and x·y and − for x−y and x/y (Doshi et al. 2024, Eq. 2).
        """
        sign = self.task.operation.second_sign
        if sign is None or not self.alike:
            return None
        a, b, c = self.phases
        return wrapped(a + sign * b - c)

    @property
    def mean_ipr(self) -> float | None:
        """Average over the neurons that have an IPR; None if all are dead."""
        alive = self.ipr[~self.dead]
        return float(alive.mean()) if len(alive) else None

    def values(self) -> dict[str, float | None]:
        """Mean and quantiles of the IPR over the living neurons, and how many are dead."""
        alive = self.ipr[~self.dead]
        spread = np.quantile(alive, list(QUANTILES.values())) if len(alive) else ()
        found: dict[str, float | None] = {"mean_ipr": self.mean_ipr, **dict.fromkeys(QUANTILES)}
        found |= {name: float(value) for name, value in zip(QUANTILES, spread, strict=False)}
        if self.curves_apart:
            found |= {
                f"mean_ipr_{name[-1].lower()}": value for name, value in self._mean_by_curve()
            }
        if self.origin is not None and self.origin.additive is not None:
            found["additive_share"] = self.origin.mean_additive
        return {**found, "neurons": float(len(self)), "dead": float(self.dead.sum())}

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the values, and the IPR of every neuron, null where it is dead."""
        each = [None if dead else float(v) for v, dead in zip(self.ipr, self.dead, strict=True)]
        return {**super().to_dict(), "ipr": each}

    def to_arrow(self) -> pa.Table:
        """One row a neuron; values that a dead neuron does not have are null."""
        return arrow_table(self)

    def to_pandas(self) -> pd.DataFrame:
        """One row a neuron; what a dead neuron does not have is NA."""
        import pandas as pd

        frame = self.to_arrow().to_pandas(types_mapper=pd.ArrowDtype)
        return frame.set_index("neuron")

    def to_parquet(self, path: Path | str) -> None:
        """Writes :meth:`to_arrow` to a Parquet file, whole or not at all."""
        write_bytes(Path(path), parquet_bytes(self.to_arrow()))

    def _where_power(self, values: Float[np.ndarray, "3 neuron"]) -> Float[np.ndarray, "3 neuron"]:
        return np.where(self.has_power, values, np.nan)

    def _over_curves(self, values: Float[np.ndarray, "3 neuron"]) -> Float[np.ndarray, " neuron"]:
        count = self.has_power.sum(axis=0)
        total = np.where(self.has_power, values, 0).sum(axis=0)
        mean = np.divide(total, count, out=np.full(len(self), np.nan), where=count > 0)
        return np.where(self.dead, np.nan, mean)
