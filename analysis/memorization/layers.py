"""What the layers know that the answers do not: held-out pairs decoded at every hook point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.mechanism.untrained import untrained_beside
from interp.analysis.memorization.decode import METHODS, Decoder
from interp.analysis.memorization.hook_points import LOGITS, activations, one_hot
from interp.training.arguments import number, share, whole
from interp.training.data.dataset import Dataset
from interp.training.data.scores import Scores
from interp.training.display import Result
from interp.training.evaluation import scores
from interp.training.runs.checkpoint import Checkpoint

if TYPE_CHECKING:
    import pandas as pd

NETWORK, CHANCE, ONE_HOT = "network", "chance", "one_hot"
HIDDEN = "hidden"  # the best of the hidden points
RIDGE = 1e-3


@dataclass(frozen=True)
class Decoded:
    """Accuracy on held-out pairs, against the true answers, of one decoder at one place.

    Attributes:
        where: a hook point; ``one_hot`` for the operands, ``network`` for its own answers.
        method: of METHODS; ``argmax`` of the network's own answers.
        given, true: by the training labels that it learned from.
        untrained_given, untrained_true: the same of the untrained network, if there is one.
    """

    where: str
    method: str
    given: float
    true: float
    untrained_given: float | None = None
    untrained_true: float | None = None

    def values(self) -> Iterator[tuple[str, float | None]]:
        """``post.0.masc_given`` and so on, of the untrained network with its name behind."""
        name = f"{self.where}.{self.method}"
        yield from ((f"{name}_given", self.given), (f"{name}_true", self.true))
        yield f"{name}_given_untrained", self.untrained_given
        yield f"{name}_true_untrained", self.untrained_true


@dataclass(frozen=True, repr=False)
class Layers(Result):
    """How well the true answers of held-out pairs can be read off at every hook point.

    Attributes:
        rows: a hook point and method each; then the operands themselves.
        accuracy, untrained_accuracy: of the network's own answers to the held-out pairs.
        chance: of a guess, one over the number of answers.
        caption: of the decoders.
        note: controls, and why some decoders fall below chance.
        name: of the run or network, for titles.
    """

    rows: tuple[Decoded, ...]
    accuracy: float
    untrained_accuracy: float | None
    chance: float
    caption: str
    note: str = ""
    name: str = "network"

    MAIN: ClassVar[tuple[str, ...]] = (
        *("test_accuracy", "hidden.masc_given", "hidden.masc_true", "hidden.knn_true"),
        *("hidden.probe_true", "hidden.masc_true_untrained", "chance"),
    )
    COLUMNS: ClassVar[tuple[str, ...]] = (
        *("where", "method", "given", "true", "untrained_given", "untrained_true"),
    )

    def values(self) -> dict[str, float | None]:
        """``post.0.masc_given`` of each row, own accuracy, chance, the best of the hidden points.

        ``hidden.masc_given`` is the greatest over the hook points before the logits, and
        ``above.masc_given`` that less the network's own accuracy.
        """
        found: dict[str, float | None] = {
            "test_accuracy": self.accuracy,
            "test_accuracy_untrained": self.untrained_accuracy,
            "chance": self.chance,
        }
        for one in self.rows:
            found |= one.values()
        for key in (f"{method}_{labels}" for method in METHODS for labels in ("given", "true")):
            for beside, own in (("", self.accuracy), ("_untrained", self.untrained_accuracy)):
                best = self._best(f"{key}{beside}", found)
                found[f"{HIDDEN}.{key}{beside}"] = best
                found[f"above.{key}{beside}"] = _less(best, own)
        return found

    def _best(self, key: str, found: Mapping[str, float | None]) -> float | None:
        known = [
            value
            for where in dict.fromkeys(one.where for one in self.rows)
            if where not in (LOGITS, ONE_HOT) and (value := found[f"{where}.{key}"]) is not None
        ]
        return max(known, default=None)

    def to_pandas(self) -> pd.DataFrame:
        """A row a hook point and method, then the operands, the network's own answers, chance."""
        import pandas as pd

        own, fresh, chance = self.accuracy, self.untrained_accuracy, self.chance
        controls = [
            Decoded(NETWORK, "argmax", own, own, fresh, fresh),
            Decoded(CHANCE, "guess", chance, chance, chance, chance),
        ]
        rows = pd.DataFrame([vars(one) for one in (*self.rows, *controls)])
        return rows.astype(dict.fromkeys(("untrained_given", "untrained_true"), float))


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def nothing_held_out(checkpoint: Checkpoint) -> str | None:
    """Why there is nothing to decode."""
    if checkpoint.dataset is None:
        return "expected a dataset beside the network, which tells held-out pairs from others"
    if not checkpoint.dataset.members("test").any():
        return "expected held-out pairs (α < 1), got none"
    return None


@measure(
    "layers",
    source="MASC: arXiv 2501.14687; probes and neighbours as controls of this project",
    refuses=nothing_held_out,
)
def layers(
    checkpoint: Checkpoint,
    *,
    variance: float = 0.9,
    neighbours: int = 5,
    ridge: float = RIDGE,
    seed: int = 0,
) -> Layers:
    """How well the answers of held-out pairs can be read off at every hook point.

    Three decoders learn from the features of the training pairs, once with the given and once with
    the true labels, and answer the held-out pairs; the true answer is right.

    - ``masc``: the class in whose subspace the features lie most. A class is spanned by the
      singular vectors of its features, not centred, that hold ``variance`` of their power.
    - ``knn``: the most frequent label of the nearest neighbours by cosine; of several the nearest.
    - ``probe``: linear least squares on one-hot labels with a free bias, λ = ``ridge`` × the
      features' mean power.

    A place that treats both operands alike, as attention may, gives (m, n) and (n, m) the same
    features, so neighbours tell a held-out pair its mirror's label: also in the untrained network.

    Args:
        checkpoint: of a network with held-out pairs.
        variance: share of a class's power that its subspace holds.
        neighbours: that vote.
        ridge: of the linear probe, above 0.
        seed: of the untrained network.
    """
    share(variance, "variance")
    whole(neighbours, "neighbours", least=1)
    if number(ridge, "ridge") <= 0:
        raise ValueError(f"ridge: expected a number above 0, got {ridge}")
    dataset, network = checkpoint.scored_on, checkpoint.exact
    decoder = Decoder(dataset, variance, neighbours, ridge)
    fresh, words = untrained_beside(network, seed)
    own = decoder.at(activations(network, dataset.pairs))
    beside = decoder.at(activations(fresh, dataset.pairs)) if fresh else {}
    raw = decoder.at({ONE_HOT: one_hot(dataset.pairs, dataset.task.p)})
    rows = [
        Decoded(*key, *pair, *beside.get(key, (None, None))) for key, pair in {**own, **raw}.items()
    ]
    chance = 1 / dataset.task.n_answers
    count = f"{int(dataset.members('test').sum())} held-out pairs"
    how = f"MASC {variance:g} of the power, {neighbours} neighbours, ridge {ridge:g}"
    return Layers(
        tuple(rows),
        own_accuracy(checkpoint.scores),
        own_accuracy(scores(fresh, dataset, checkpoint.loss)) if fresh else None,
        chance,
        place(checkpoint.seed, checkpoint.step, count, how),
        _note(words, dataset, rows, chance),
        checkpoint.name,
    )


def own_accuracy(found: Scores) -> float:
    """Of a network's own answers to the held-out pairs, of which there are some."""
    accuracy = found["test"].accuracy
    assert accuracy is not None
    return accuracy


def _note(words: str, dataset: Dataset, rows: list[Decoded], chance: float) -> str:
    told = ["given, true: labels learned from", words]
    raw = [one for one in rows if one.where == ONE_HOT]
    if min(one.true for one in raw) < chance and _share_no_operand(dataset):
        told.append(
            f"decoders of raw features fall below chance ({chance:.3f}): two pairs with one answer "
            "never share an operand"
        )
    return " · ".join(told)


def _share_no_operand(dataset: Dataset) -> bool:
    """Whether an operand and the answer tell the other operand, as in a group."""
    answers, pairs = dataset.task.answers, dataset.pairs
    return all(
        len(np.unique(np.stack([operand, answers]), axis=1).T) == len(pairs) for operand in pairs.T
    )
