"""Which neurons lie above a threshold on the IPR, which below, which are dead: three rules."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from jaxtyping import Bool, Float

from interp.analysis.caption import percent
from interp.analysis.measure import measure
from interp.analysis.neurons.class_words import BIMODAL_P_VALUE, ClassWords, class_words
from interp.analysis.neurons.cut import gap_around, lowest
from interp.analysis.neurons.cut import has_cut as has_cut
from interp.analysis.neurons.cut import two_class_cut as two_class_cut
from interp.analysis.neurons.read import neuron_table, no_neurons
from interp.analysis.neurons.table import NeuronTable
from interp.training.arguments import is_number, of_kind, shown
from interp.training.arguments import share as checked_share
from interp.training.display import Result
from interp.training.optional import is_there, part
from interp.training.runs.checkpoint import Checkpoint

if TYPE_CHECKING:
    import pandas as pd

Rule = Literal["auto", "null"]
AUTO = "optimal two-class cut"
ONE_ELEMENT = 0.5  # the threshold over one element, of which no spectrum differs from noise
NULL_QUANTILE = 0.999  # of the IPR of noise, the threshold by the rule ``null``


class NotBimodalWarning(UserWarning):
    """The two-class cut was asked of IPRs that do not look like two classes."""


@dataclass(frozen=True, repr=False)
class Classes(Result):
    """A class for every neuron.

    Attributes:
        generalizing: IPR at or above the threshold; :attr:`words` says what they may be called.
        memorizing: IPR below it; likewise.
        dead: no power, hence no IPR.
        threshold: the IPR that separates the two.
        rule: how the threshold was found, in words.
        dip_p_value: Hartigan's dip test of one mode against more, whatever the rule; None for
            fewer than four living neurons and where the package ``diptest`` is absent.
        caption: of the neurons: convention, basis, seed, step.
        key: of the table; None for one made by hand.
        redrawn: number of training examples with a redrawn label; None where it is not known.
        gap: the IPRs next to the cut, see :func:`interp.analysis.neurons.cut.gap_around`: every
            threshold above the first, up to the second, gives the same classes; None where none
            gives them, and for classes made by hand.
    """

    generalizing: Bool[np.ndarray, " neuron"]
    memorizing: Bool[np.ndarray, " neuron"]
    dead: Bool[np.ndarray, " neuron"]
    threshold: float
    rule: str
    dip_p_value: float | None = None
    caption: str = ""
    key: str | None = None
    redrawn: int | None = None
    gap: tuple[float, float] | None = None

    @property
    def words(self) -> ClassWords:
        """What the classes may be called, and why."""
        return class_words(self.dip_p_value, int((~self.dead).sum()), self.redrawn)

    def values(self) -> dict[str, float | None]:
        """Number of neurons in each class, threshold, and the dip test's p-value.

        These names are the same for every network, so that they can be columns of a table.
        """
        return {
            "high_ipr": float(self.generalizing.sum()),
            "low_ipr": float(self.memorizing.sum()),
            "dead": float(self.dead.sum()),
            "threshold": self.threshold,
            "dip_p_value": self.dip_p_value,
        }

    def to_pandas(self) -> pd.DataFrame:
        """A row a neuron: its class."""
        import pandas as pd

        return pd.DataFrame({"class": self.names}).rename_axis(index="neuron")

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with the rule and what the classes may be called."""
        more = {"threshold_gap": self.threshold_gap, "classes": self.told()}
        return {**super().to_dict(), "rule": self.rule, **more}

    @property
    def threshold_gap(self) -> dict[str, float] | None:
        """:attr:`gap` as plain data: ``above`` the one, ``up_to`` the other."""
        return None if self.gap is None else dict(zip(("above", "up_to"), self.gap, strict=True))

    def told(self) -> dict[str, Any]:
        """The words, why they are these, and how many neurons each stands for, as plain data."""
        return {**self.words.to_dict(), "counts": self.counts}

    @property
    def names(self) -> list[str]:
        """The class of each neuron, by the word for it."""
        words = self.words
        return [
            "dead" if dead else words.high if good else words.low
            for dead, good in zip(self.dead, self.generalizing, strict=True)
        ]

    @property
    def counts(self) -> dict[str, int]:
        """How many neurons each class has, by the word for it."""
        words = self.words
        return {
            words.high: int(self.generalizing.sum()),
            words.low: int(self.memorizing.sum()),
            "dead": int(self.dead.sum()),
        }


def classify(
    table: NeuronTable,
    rule: Rule | float = "auto",
    quantile: float = NULL_QUANTILE,
    *,
    count: int | None = None,
    share: float | None = None,
) -> Classes:
    """Divides neurons by their IPR: by a rule, or so that a number or a share lies below.

    Args:
        table: the neurons.
        rule: ``auto``: the cut in two classes with the least variance inside them, exact;
            ``null``: the quantile of the IPR of Gaussian noise in the same convention;
            a number: that IPR.
        quantile: for ``null``.
        count: in place of a rule, how many neurons lie below, those of lowest IPR; dead ones
            first, and of equal IPRs those of lower index, as :attr:`Classes.rule` then says.
        share: the same as a share of all neurons, to the nearest whole number.

    Warns:
        NotBimodalWarning: if ``auto`` meets IPRs that a dip test does not tell from one mode.

    Raises:
        ValueError: if the rule is unknown, the threshold lies outside (0, 1), ``auto`` meets
            fewer than two different IPRs, more than one of rule, count and share is given, or
            count or share would leave no neuron on one side or fewer below than are dead.
    """
    of_kind(table, NeuronTable, "a neuron table, such as interp.neuron_table(run)")
    if checked_share(quantile, "quantile") != NULL_QUANTILE and not (
        isinstance(rule, str) and rule == "null"
    ):
        raise ValueError(f"quantile: expected with the rule null alone, got {quantile}")
    _one_way(rule, count, share)
    alive = ~table.dead
    dip = _dip_p_value(table.ipr[alive])
    if count is None and share is None:
        threshold, words = _threshold(table, rule, quantile)
        above = np.where(alive, table.ipr >= threshold, False)
        if words == AUTO:
            _warn(dip)
    else:
        above, threshold, words = lowest(table, count, share)
    gap = gap_around(table.ipr[alive], above[alive])
    known = (dip, table.caption, table.key, table.redrawn, gap)
    return Classes(above, ~above & alive, table.dead, threshold, words, *known)


def _one_way(rule: object, count: object, share: object) -> None:
    """Refuses several ways to cut at once."""
    given = {"rule": None if rule == "auto" else rule, "count": count, "share": share}
    several = [f"{name} {shown(value)}" for name, value in given.items() if value is not None]
    if len(several) > 1:
        raise ValueError(f"expected one of rule, count and share, got {' and '.join(several)}")


def _threshold(table: NeuronTable, rule: Rule | float, quantile: float) -> tuple[float, str]:
    """The threshold by a rule, and the rule in words."""
    rule = rule if isinstance(rule, str) else _fixed(rule)
    if rule == "auto":
        return two_class_cut(table.ipr[~table.dead]), AUTO
    if rule == "null":
        return table.null.quantile(quantile), f"{percent(quantile)} quantile of Gaussian noise"
    return _fixed(rule), "fixed"


def pruned_below(table: NeuronTable, threshold: float) -> int:
    """How many neurons a threshold prunes: those of lower IPR, and the dead."""
    return len(table) - int((table.ipr[~table.dead] >= threshold).sum())


@measure("classes", source="Doshi et al. 2024 (arXiv 2310.13061), section 4", refuses=no_neurons)
def classes(checkpoint: Checkpoint, *, threshold: str | float = "auto", layer: int = 0) -> Classes:
    """How many neurons lie above and below a threshold on the IPR, and how many are dead.

    Args:
        checkpoint: of any network with neurons.
        threshold: ``auto``, ``null`` or an IPR.
        layer: which hidden layer.
    """
    table = neuron_table(checkpoint, layer=layer)
    return classify(table, cast(Any, threshold))


def words_of(table: NeuronTable) -> ClassWords:
    """What classes of these neurons may be called, whatever the threshold."""
    alive = table.ipr[~table.dead]
    return class_words(_dip_p_value(alive), len(alive), table.redrawn)


def _dip_p_value(values: Float[np.ndarray, " neuron"]) -> float | None:
    if len(values) < 4:
        return None
    if not is_there("diptest"):
        return None
    _, p_value = part("diptest", "dip", "the dip test").diptest(values)
    return float(p_value)


def _warn(p_value: float | None) -> None:
    if p_value is not None and p_value > BIMODAL_P_VALUE:
        warnings.warn(
            f"the IPRs do not look like two classes (dip test p = {p_value:.2g}); "
            "the automatic cut may split one class in two",
            NotBimodalWarning,
            stacklevel=3,
        )


def _fixed(rule: object) -> float:
    if not is_number(rule) or not 0 < float(cast(float, rule)) < 1:
        raise ValueError(
            f"threshold: expected auto, null or an IPR between 0 and 1, got {shown(rule)}"
        )
    return float(cast(float, rule))
