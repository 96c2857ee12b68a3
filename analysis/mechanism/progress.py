"""Restricted and excluded loss: how much of the logits is the rule, and how much is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.mechanism.keys import KeyRule, Keys, find_keys
from interp.analysis.mechanism.rule import Rule, RuleLogits, no_rule, rule_logits
from interp.analysis.mechanism.scored import Scored
from interp.training.arguments import number, truth, whole
from interp.training.config.sections import LossName
from interp.training.data.dataset import Dataset
from interp.training.data.scores import Scores
from interp.training.losses.loss import LOSSES
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks.groups import GROUPS

if TYPE_CHECKING:
    import pandas as pd

WORDS = {
    "whole": "all of the logits",
    "restricted": "restricted, keys",
    "restricted_all": "restricted, all blocks",
    "restricted_3d": "restricted, keys, 3-D",
    "excluded": "excluded, keys",
    "excluded_all": "excluded, all blocks",
    "excluded_3d": "excluded, keys, 3-D",
    "held_out": "held-out restricted, keys",
    "held_out_all": "held-out restricted, all blocks",
}
LOOKUP = "_lookup"
LARGEST_MARGIN = 1e6
_SMALL = 1e-3  # of the lookup table's logits on pairs that it does not know


@dataclass(frozen=True, repr=False)
class Progress(Scored):
    """Scores of parts of the logits, and of the same parts of a lookup table's.

    By the names of ``WORDS``, with ``_lookup`` behind those of the control.

    Attributes:
        keys: the key blocks.
        per_key: scores of the logits without one block, by its name.
    """

    keys: Keys
    per_key: Mapping[str, Scores]

    WHAT: ClassVar[str] = "part"
    MAIN: ClassVar[tuple[str, ...]] = (
        "whole.test_accuracy",
        "restricted_all.test_accuracy",
        "restricted_all_lookup.test_accuracy",
        "held_out_all.test_accuracy",
        "held_out_all_lookup.test_accuracy",
        "excluded_all.corrupted_accuracy",
    )

    @classmethod
    def words(cls, which: str) -> str:
        """What a name stands for."""
        part = which.removesuffix(LOOKUP)
        return WORDS[part] + (", of a lookup table" if part != which else "")

    @classmethod
    def is_control(cls, which: str) -> bool:
        """Whether it is of the lookup table."""
        return which.endswith(LOOKUP)

    @classmethod
    def beside(cls, which: str) -> str:
        """The part of the network's own logits."""
        return which.removesuffix(LOOKUP)

    def values(self) -> dict[str, float | None]:
        """``restricted.test_loss``, ``restricted_lookup.test_loss``, …, and how many keys."""
        return {**super().values(), "keys": float(len(self.keys.blocks))}

    def to_pandas(self) -> pd.DataFrame:
        """A row a part of the logits and one a key that is left out; a column a split, metric."""
        import pandas as pd

        rows = {
            f"excluded {block}": {"what": f"without {block}", "control": False, **one.values()}
            for block, one in self.per_key.items()
        }
        each = pd.DataFrame.from_dict(rows, orient="index").rename_axis(index=self.WHAT)
        return pd.concat([super().to_pandas(), each]) if rows else super().to_pandas()

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with the key blocks and the scores without each."""
        each = {name: scores.to_dict() for name, scores in self.per_key.items()}
        return {**super().to_dict(), "key_blocks": list(self.keys.names), "per_key": each}


def no_progress(checkpoint: Checkpoint) -> str | None:
    """Why a checkpoint's logits have no part that follows a rule."""
    return no_rule(checkpoint.task)


@measure(
    "progress",
    source="Nanda et al. 2023 (arXiv 2301.05217); Chughtai et al. 2023 (arXiv 2302.03025); "
    "fitted to test pairs: this project",
    refuses=no_progress,
)
def progress(
    checkpoint: Checkpoint,
    *,
    keys: KeyRule = "logits",
    level: float | None = None,
    per_key: bool = True,
    margin: float | None = None,
    seed: int = 0,
) -> Progress:
    """Restricted and excluded scores of every split, beside those of a pure lookup table.

    A projection covers training pairs too, so it votes on their labels, and a table that knows
    nothing else passes for the rule; coefficients fitted to test pairs alone have no such vote.

    Args:
        checkpoint: of any network whose rule is a group's.
        keys: the rule of the key blocks: logits, unembedding, embedding, cosine or all.
        level: of that rule; by default 0.25 of the greatest power, and a cosine of 0.005.
        per_key: also leave out every key by itself.
        margin: logit of the given label in the lookup table; by default 1 for a loss of squares,
            which it then makes zero, else 50.
        seed: of the lookup table's small logits on pairs that it does not know.
    """
    truth(per_key, "per_key")
    data = checkpoint.scored_on
    rule = Rule(data, checkpoint.loss)
    own = rule_logits(rule, checkpoint.exact, data)
    found = find_keys(checkpoint, own, keys, level)
    table = RuleLogits(rule, lookup_logits(rule.dataset, _margin(margin, checkpoint.loss), seed))
    scores = parts_of(own, found)
    scores |= {f"{part}{LOOKUP}": one for part, one in parts_of(table, found).items()}
    names = dict(zip(found.names, found.blocks, strict=True)) if per_key else {}
    without = {name: own.excluded([block]) for name, block in names.items()}
    words = [found.words, GROUPS[checkpoint.task.group].words]
    if not rule.inside.all():
        words.append(f"{int((~rule.inside).sum())} pairs left out whose answer is no element")
    caption = place(checkpoint.seed, checkpoint.step, *words)
    return Progress(scores, caption, checkpoint.name, found, without)


def _margin(margin: float | None, loss: LossName) -> float:
    if margin is not None:
        if not 0 < number(margin, "margin") <= LARGEST_MARGIN:
            raise ValueError(
                f"margin: expected a number above 0 and at most {LARGEST_MARGIN:g}, got {margin:g}"
            )
        return margin
    return 1.0 if LOSSES[loss].kernel == "squares" else 50.0


def parts_of(logits: RuleLogits, keys: Keys) -> dict[str, Scores]:
    """Scores of the parts of logits, by the names of ``WORDS``."""
    every = tuple(logits.rule.blocks)
    found: dict[str, Scores | None] = {
        "whole": logits.rule.score(logits.logits),
        "restricted": logits.restricted(keys.blocks),
        "restricted_all": logits.restricted(every),
        "restricted_3d": logits.restricted_3d(keys.blocks),
        "excluded": logits.excluded(keys.blocks),
        "excluded_all": logits.excluded(every),
        "excluded_3d": logits.excluded_3d(keys.blocks),
        "held_out": logits.held_out(keys.blocks),
        "held_out_all": logits.held_out(every),
    }
    return {part: scores for part, scores in found.items() if scores is not None}


def lookup_logits(dataset: Dataset, margin: float, seed: int = 0) -> Tensor:
    """Logits of a table of the training labels that knows nothing else, (pair, answer).

    Pairs that it does not know have small random logits, so that it answers them by chance.
    """
    random = stream(whole(seed, "seed"), "control")
    shape = (len(dataset), dataset.task.n_answers)
    logits = torch.from_numpy(_SMALL * random.standard_normal(shape))
    train = torch.as_tensor(dataset.is_train)
    logits[train] = 0
    logits[train, torch.as_tensor(dataset.given_label)[train]] = margin
    return logits
