"""The logits as characters: tr ρ(x·y·z⁻¹) of each irrep, beside networks that learned no rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.mechanism.progress import lookup_logits, no_progress
from interp.analysis.mechanism.rule import Rule, RuleLogits, rule_logits
from interp.analysis.mechanism.untrained import untrained_beside
from interp.training.arguments import number
from interp.training.display import Result
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks.basis import Basis
from interp.training.tasks.groups import GROUPS

if TYPE_CHECKING:
    import pandas as pd

KEY_SHARE = 0.25  # of the greatest power of the logits, as in ``progress``
_ROUNDING = 1e-12
_MARGIN = 1.0  # of the lookup table; cosines do not depend on it
Shares = Float[np.ndarray, " block"]


@dataclass(frozen=True, eq=False)
class Parts:
    """How far some logits are characters, a value a block; block 0, the constant, has 0.

    Attributes:
        cosine: with the block's character over all pairs.
        cosine_test: over test pairs alone, where labels that are known by heart are of no help.
        power: share of the power that the logits, as a function of the right answer, have in it.
    """

    cosine: Shares
    cosine_test: Shares
    power: Shares

    @property
    def explained(self) -> float:
        """Share of the variance of the logits that the best sum of characters explains."""
        return float((self.cosine**2).sum())

    @property
    def explained_test(self) -> float | None:
        """The same over test pairs, fitted there; None without any."""
        return None if np.isnan(self.cosine_test).any() else float((self.cosine_test**2).sum())


@dataclass(frozen=True, repr=False)
class Characters(Result):
    """A row an irrep: how much of the logits is its character, and of what controls.

    Attributes:
        basis: the blocks.
        block: what one is called: ``irrep`` or ``frequency``.
        own: of the network.
        controls: ``lookup`` and, where there is one, ``untrained``.
        level: of the greatest power, from which an irrep is a key.
        caption, name: of the checkpoint.
        note: what the controls are.
    """

    basis: Basis
    block: str
    own: Parts
    controls: dict[str, Parts]
    level: float
    caption: str
    name: str
    note: str = field(default="", kw_only=True)

    MAIN: ClassVar[tuple[str, ...]] = (
        *("explained", "explained_lookup", "explained_untrained"),
        *("explained_test", "explained_test_lookup", "keys"),
    )
    COLUMNS: ClassVar[tuple[str, ...]] = (
        *("what", "power", "cosine", "cosine_lookup"),
        *("cosine_test", "cosine_test_lookup"),
    )

    @property
    def is_key(self) -> Bool[np.ndarray, " block"]:
        """Irreps with enough of the power."""
        power = self.own.power
        return (power > 0) & (power >= self.level * power.max())

    def values(self) -> dict[str, float | None]:
        """Shares that characters explain, greatest cosine, number of keys; controls behind them."""
        found: dict[str, float | None] = {}
        for tail, one in (("", self.own), *((f"_{k}", v) for k, v in self.controls.items())):
            found[f"explained{tail}"] = one.explained
            found[f"explained_test{tail}"] = one.explained_test
            found[f"greatest_cosine{tail}"] = float(one.cosine.max())
            tests = one.cosine_test[np.isfinite(one.cosine_test)]
            found[f"greatest_cosine_test{tail}"] = float(tests.max()) if len(tests) else None
        return {**found, "keys": float(self.is_key.sum()), "blocks": float(len(self.is_key) - 1)}

    def to_pandas(self) -> pd.DataFrame:
        """A row an irrep but the constant one, those with most power first."""
        import pandas as pd

        columns: dict[str, Any] = {"what": self.basis.names, "functions": self.basis.sizes}
        columns["key"] = self.is_key
        for tail, one in (("", self.own), *((f"_{k}", v) for k, v in self.controls.items())):
            columns |= {f"power{tail}": one.power, f"cosine{tail}": one.cosine}
            columns[f"cosine_test{tail}"] = one.cosine_test
        frame = pd.DataFrame(columns, index=pd.Index(self.basis.names, name=self.block))[1:]
        return frame.sort_values("power", ascending=False, kind="stable")


@measure(
    "characters",
    source="Chughtai et al. 2023 (arXiv 2302.03025), logits and characters; test pairs and "
    "controls of this project",
    refuses=no_progress,
)
def characters(checkpoint: Checkpoint, *, level: float = KEY_SHARE, seed: int = 0) -> Characters:
    """How much of the logits is a sum of characters tr ρ(x·y·z⁻¹), irrep by irrep.

    With another operation the right answer stands in place of x·y. Of a cyclic group the characters
    are cos(ω(x + y − z)). Over all pairs a table of the training labels has them too; over test
    pairs it has not.

    Args:
        checkpoint: of any network whose rule is a group's.
        level: share of the greatest power of the logits, from which an irrep is a key.
        seed: of the controls.
    """
    if not 0 <= number(level, "level") <= 1:
        raise ValueError(f"level: expected a number from 0 to 1, got {level:g}")
    data = checkpoint.scored_on
    rule = Rule(data, checkpoint.loss)
    untrained, words = untrained_beside(checkpoint.network, seed)
    logits = lookup_logits(rule.dataset, _MARGIN, seed)
    controls = {"lookup": parts(RuleLogits(rule, logits))}
    if untrained is not None:
        controls["untrained"] = parts(rule_logits(rule, untrained, data))
    told = [f"keys: at least {level:g} of the greatest power", GROUPS[checkpoint.task.group].words]
    if not rule.inside.all():
        told.append(f"{int((~rule.inside).sum())} pairs left out whose answer is no element")
    return Characters(
        rule.basis,
        GROUPS[checkpoint.task.group].block,
        parts(rule_logits(rule, checkpoint.exact, data)),
        controls,
        level,
        place(checkpoint.seed, checkpoint.step, *told),
        checkpoint.name,
        note=f"lookup: a table of the training labels that knows nothing else · {words}",
    )


def parts(logits: RuleLogits) -> Parts:
    """How far logits are characters, the mean over the pairs taken away from both."""
    rule = logits.rule
    total = logits.power.sum()
    return Parts(
        cosines(logits, np.ones(len(rule.element), dtype=bool)),
        cosines(logits, ~rule.dataset.is_train),
        logits.power / total if total else logits.power,
    )


def cosines(logits: RuleLogits, pairs: Bool[np.ndarray, " pair"]) -> Shares:
    """Between logits and each character, over some pairs; NaN without any, 0 without variance.

    With the projector P onto a block, a character is P[x·y, z] up to a factor. Products of two
    projectors are 0: over any pairs characters are orthogonal, also less their means.
    """
    rule = logits.rule
    element = rule.element[pairs]
    basis, n, count = rule.basis, len(rule.order), len(element)
    if not count:
        return np.full(len(basis.names), np.nan)
    own = logits.logits.numpy()[pairs][:, rule.order]
    own = own - own.mean(axis=0)
    by_answer = np.zeros((n, n))
    np.add.at(by_answer, element, own)
    along = (basis.matrix * (by_answer @ basis.matrix)).sum(axis=0)
    # ‖P‖² over the pairs, and of its mean over them: P² = P, and each row has size/n of it.
    mean = (np.bincount(element, minlength=n) / count) @ basis.matrix
    of_mean = np.bincount(basis.block, weights=mean**2)
    squared = count * (basis.sizes / n - of_mean)
    squared[0] = 0
    length = np.sqrt(np.maximum(squared, 0)) * np.linalg.norm(own)
    dot = np.bincount(basis.block, weights=along)
    has_both = (squared > _ROUNDING * count) & (length > 0)
    return np.divide(dot, length, out=np.zeros(len(dot)), where=has_both)
