"""Which subgroup's cosets each neuron is constant on, beside random curves of the same irreps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.mechanism.blocks import basis_over, redrawn
from interp.analysis.neurons.classify import has_cut, two_class_cut
from interp.analysis.neurons.constancy import Constancy, Side, constancy
from interp.analysis.neurons.read import neuron_table, no_neurons
from interp.analysis.neurons.table import NeuronTable
from interp.training.arguments import MOST_DRAWS, number, whole
from interp.training.display import Result
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks.finite.subgroups import Subgroups, subgroups
from interp.training.tasks.groups import GROUPS, finite_group

if TYPE_CHECKING:
    import pandas as pd

CURVES = ("u", "v", "w")


@dataclass(frozen=True, eq=False)
class Sizes:
    """Sizes of the subgroups that the curves of some neurons, or random ones, are constant on.

    Attributes:
        orders: of the largest subgroup, one a curve; 1 where there is none.
    """

    orders: Float[np.ndarray, " curve"]

    @property
    def constant(self) -> float | None:
        """Share of the curves that are constant on cosets of more than the identity."""
        return float((self.orders > 1).mean()) if len(self.orders) else None

    @property
    def median(self) -> float | None:
        """Of the orders."""
        return float(np.median(self.orders)) if len(self.orders) else None


@dataclass(frozen=True, repr=False)
class Cosets(Result):
    """The largest subgroup on whose cosets each curve of each neuron is constant.

    Attributes:
        curves: by ``u``, ``v`` and ``w``: of every neuron.
        null: orders of the subgroups of random curves with the same power in each irrep, a row a
            draw, likewise.
        alive: neurons that have an IPR.
        high: those above the two-class cut of the IPR; None where there is no cut.
        ipr: of each neuron.
        subgroups: of the group.
        caption, name: of the checkpoint.
        note: what the control is.
    """

    curves: Mapping[str, Constancy]
    null: Mapping[str, Float[np.ndarray, "draw neuron"]]
    alive: Bool[np.ndarray, " neuron"]
    high: Bool[np.ndarray, " neuron"] | None
    ipr: Float[np.ndarray, " neuron"]
    subgroups: Subgroups
    caption: str
    name: str
    note: str = field(default="", kw_only=True)

    MAIN: ClassVar[tuple[str, ...]] = (
        *("constant", "constant_null", "order", "order_null", "share", "share_other"),
    )

    def sizes(self, which: str, among: Bool[np.ndarray, " neuron"] | None = None) -> Sizes:
        """Of a curve of the living neurons, or of some of them."""
        rows = self.alive if among is None else self.alive & among
        return Sizes(self.subgroups.orders[self.curves[which].subgroup][rows].astype(float))

    def null_sizes(self, which: str, among: Bool[np.ndarray, " neuron"] | None = None) -> Sizes:
        """The same of the random curves."""
        rows = self.alive if among is None else self.alive & among
        return Sizes(self.null[which][:, rows].ravel())

    def values(self) -> dict[str, float | None]:
        """How many curves are constant on cosets, of what size; with ``_null`` behind the control.

        ``constant``: share of the curves; ``order``: median order of the largest subgroup, 1 for
        none; ``share``, ``share_other``: of power that its cosets and those of other subgroups of
        the same order explain; ``right_u``, ``left_v``: of the constant curves whose subgroup is
        not normal.
        """
        found: dict[str, float | None] = {}
        sets = {"": None, "_high_ipr": self.high}
        sets |= {"_low_ipr": None if self.high is None else ~self.high}
        for tail, among in sets.items():
            if tail and among is None:
                continue
            for kind, sizes in (("", self.sizes), ("_null", self.null_sizes)):
                every = Sizes(np.concatenate([sizes(which, among).orders for which in CURVES]))
                found |= {f"constant{tail}{kind}": every.constant}
                found |= {f"order{tail}{kind}": every.median}
        for which in CURVES:
            found[f"constant_{which}"] = self.sizes(which).constant
            found[f"constant_{which}_null"] = self.null_sizes(which).constant
        return {**found, **self._explained(), **self._sides()}

    def _explained(self) -> dict[str, float | None]:
        """Mean shares over the curves that are constant on cosets of a subgroup with others."""
        rows = [(one.share, one.other) for one in map(self._known, CURVES)]
        shares, other = (np.concatenate(each) for each in zip(*rows, strict=True))
        both = np.isfinite(other)
        if not both.any():
            return {"share": None, "share_other": None}
        return {"share": float(shares[both].mean()), "share_other": float(other[both].mean())}

    def _known(self, which: str) -> Constancy:
        one = self.curves[which]
        there = self.alive & (one.subgroup > 0)
        side = tuple(word for word, kept in zip(one.side, there, strict=True) if kept)
        return Constancy(one.subgroup[there], side, one.share[there], one.other[there])

    def _sides(self) -> dict[str, float | None]:
        def of(which: str, wanted: Side) -> float | None:
            told = [side for side in self._known(which).side if side != "both"]
            return sum(side == wanted for side in told) / len(told) if told else None

        return {"right_u": of("u", "right"), "left_v": of("v", "left")}

    def to_pandas(self) -> pd.DataFrame:
        """A row a neuron: of each curve the subgroup, its order and side, and the shares."""
        import pandas as pd

        columns: dict[str, Any] = {"ipr": self.ipr}
        for which, one in self.curves.items():
            is_known = self.alive & (one.subgroup > 0)
            columns[f"subgroup_{which}"] = [
                self.subgroups.names[at] if known else None
                for at, known in zip(one.subgroup, is_known, strict=True)
            ]
            columns[f"order_{which}"] = self.subgroups.orders[one.subgroup]
            columns[f"side_{which}"] = [
                side if known else None for side, known in zip(one.side, is_known, strict=True)
            ]
            columns[f"share_{which}"] = np.where(is_known, one.share, np.nan)
            columns[f"share_other_{which}"] = np.where(is_known, one.other, np.nan)
        return pd.DataFrame(columns).rename_axis(index="neuron")


def no_cosets(checkpoint: Checkpoint) -> str | None:
    """Why there are no cosets that neurons could be constant on."""
    reason = no_neurons(checkpoint)
    if reason is not None:
        return reason
    task = checkpoint.task
    if task.n_answers != task.p:
        return f"expected as many answers as operands, got {task.n_answers} and {task.p}"
    try:
        found = subgroups(finite_group(task.group, task.p))
    except ValueError as error:
        return str(error)
    if not found.is_proper.any():
        return f"expected a group with proper subgroups, got {found.group.name}, which has none"
    return None


@measure(
    "cosets",
    source="Stander et al. 2024 (arXiv 2312.06581), constancy on cosets; null of this project",
    refuses=no_cosets,
)
def cosets(
    checkpoint: Checkpoint, *, layer: int = 0, level: float = 0.9, draws: int = 3, seed: int = 0
) -> Cosets:
    """The largest subgroup on whose cosets each neuron is constant, beside random curves.

    Every curve in an irrep with a kernel is constant on the kernel's cosets, whatever was learned,
    and small irreps leave little choice: random curves with the same power in each irrep show how
    much of the structure is the irrep's alone.

    Args:
        checkpoint: of a network with neurons whose task is of a group with proper subgroups.
        layer: which hidden layer.
        level: share of a curve's power, its mean taken away, that its means over cosets explain.
        draws: of random curves for each curve.
        seed: of the random curves.
    """
    whole(draws, "draws", least=1, most=MOST_DRAWS)
    if not 0 < number(level, "level") <= 1:
        raise ValueError(f"level: expected a share above 0 and at most 1, got {level:g}")
    table = neuron_table(checkpoint, layer=layer)
    known = subgroups(finite_group(table.group, checkpoint.task.p))
    random = stream(whole(seed, "seed"), "control")
    curves = dict(zip(CURVES, map(np.asarray, table.ordered), strict=True))
    null = {name: _null(table, one, known, level, draws, random) for name, one in curves.items()}
    high = table.ipr >= two_class_cut(table.ipr[~table.dead]) if has_cut(table) else None
    words = (f"at least {level:g} of the power", GROUPS[table.group].words)
    return Cosets(
        {name: constancy(one, known, level) for name, one in curves.items()},
        null,
        ~table.dead,
        high,
        table.ipr,
        known,
        place(checkpoint.seed, checkpoint.step, *words),
        checkpoint.name,
        note=f"null: random curves with the same power in each irrep, {draws} draws, seed {seed}",
    )


def _null(
    table: NeuronTable,
    curves: Float[np.ndarray, "neuron element"],
    known: Subgroups,
    level: float,
    draws: int,
    random: np.random.Generator,
) -> Float[np.ndarray, "draw neuron"]:
    basis = basis_over(table.group, table.task.p)

    def orders() -> Iterator[Float[np.ndarray, " neuron"]]:
        for _ in range(draws):
            found = constancy(redrawn(curves, basis, random), known, level)
            yield known.orders[found.subgroup].astype(float)

    return np.stack(list(orders()))
