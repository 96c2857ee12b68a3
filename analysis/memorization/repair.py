"""The labels that the pruned network would change, and what its answers are worth."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor

from interp.analysis.ablation.prune import prune
from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.mechanism.draws import mean_of_draws
from interp.analysis.memorization.case import Case
from interp.analysis.memorization.logits import NO_ANSWER, answers_of
from interp.analysis.neurons.read import no_neurons_in
from interp.training.arguments import MOST_DRAWS, share, whole
from interp.training.data.dataset import Dataset
from interp.training.display import Result
from interp.training.randomness import stream
from interp.training.runs.run import Run

if TYPE_CHECKING:
    import pandas as pd

GENERALIZES = 0.9  # test accuracy of the pruned network from which its answers are taken

Answers = Int[np.ndarray, " example"]

_CONTROL = " · control: "


@dataclass(frozen=True)
class Repaired:
    """What a network's answers would do to the training labels.

    Attributes:
        changed: how many labels it answers otherwise.
        precision: share of these that are wrong; None where none is changed.
        recall: share of the wrong labels that it answers otherwise; None where none is wrong.
        repaired: share of the wrong labels to which it gives the true answer; likewise.
        spoiled: how many right labels it would change.
    """

    changed: float
    precision: float | None
    recall: float | None
    repaired: float | None
    spoiled: float


@dataclass(frozen=True, repr=False)
class Repair(Result):
    """Labels that the pruned network would change, beside those of random prunings.

    Attributes:
        answers: of the pruned network to every training example.
        found: what they would do.
        control: the mean of the same, as many neurons pruned at random.
        test_accuracy: of the pruned network; None without test examples.
        tells: whether that is enough for its answers to be taken.
        caption: of the run.
        note: what can be told.
        dataset: of the run, not changed.
    """

    answers: Answers
    found: Repaired
    control: Repaired
    test_accuracy: float | None
    tells: bool
    caption: str
    note: str = ""
    dataset: Dataset = field(kw_only=True, compare=False)

    MAIN: ClassVar[tuple[str, ...]] = ("precision", "recall", "repaired", "repaired_random")

    def values(self) -> dict[str, float | bool | None]:
        """``changed``, ``precision``, …, those of random prunings as ``changed_random``."""
        found: dict[str, float | bool | None] = {**vars(self.found)}
        found |= {f"{name}_random": value for name, value in vars(self.control).items()}
        return {**found, "test_accuracy": self.test_accuracy, "tells": self.tells}

    def to_pandas(self) -> pd.DataFrame:
        """A row a label that would change: operands, given label, answer, truth."""
        import pandas as pd

        data, train = self.dataset, self.dataset.is_train
        x, y = data.pairs[train].T
        given, true = data.given_label[train], data.true_label[train]
        rows = {"x": x, "y": y, "given": given, "answer": self.answers, "true": true}
        frame = pd.DataFrame(rows)
        return frame[frame["given"] != frame["answer"]].reset_index(drop=True)

    def repaired_dataset(self) -> Dataset:
        """The dataset with the pruned network's answers as training labels.

        Raises:
            ValueError: if these tell nothing.
        """
        if not self.tells:
            raise ValueError(f"repair: {self.note.partition(_CONTROL)[0]}")
        labels = self.dataset.given_label.copy()
        labels[self.dataset.is_train] = self.answers
        made = replace(self.dataset, given_label=labels)
        return replace(made, is_redrawn=made.is_wrong)


@measure(
    "repair",
    reads="run",
    source="pruning: Doshi et al. 2024 (arXiv 2310.13061); repair: this project",
    refuses=no_neurons_in,
    version=2,
)
def repair(run: Run, *, least: float = GENERALIZES, draws: int = 5, seed: int = 0) -> Repair:
    """The training labels that the network would change without its low-IPR neurons.

    Args:
        run: whose newest network is pruned below the two-class cut of the IPR.
        least: test accuracy of the pruned network from which its answers are taken.
        draws: of random prunings.
        seed: of these.
    """
    share(least, "least")
    whole(draws, "draws", least=1, most=MOST_DRAWS)
    case = Case(run, whole(seed, "seed"), draws)
    pruned = prune(case.newest.network, case.high)
    answers = _answers_or_given(case, case.pruned)
    test = case.newest.evaluation(pruned.logits(case.newest.evaluation.pairs).detach())["test"]
    random = stream(seed, "control")
    each = [_repaired(case, answers_with(case, case.as_many(random))) for _ in range(draws)]
    tells = test.accuracy is not None and test.accuracy >= least
    alive = ~case.table.dead
    below, living = int((~case.high & alive).sum()), int(alive.sum())
    words = f"{below} of {living} living neurons pruned, below the IPR cut"
    caption = place(run.seed, run.last_step, words, case.table.caption.split(" · ")[0])
    control = f"mean of {draws} random prunings, seed {seed}"
    note = f"{'' if tells else _why(test.accuracy, least)}{_CONTROL}{control}".removeprefix(" · ")
    return Repair(
        answers,
        _repaired(case, answers),
        _mean(each),
        test.accuracy,
        tells,
        caption,
        note,
        dataset=run.dataset,
    )


def _why(accuracy: float | None, least: float) -> str:
    if accuracy is None:
        return (
            "nothing can be told: there are no test examples by which the pruned network is known"
        )
    return (
        f"nothing can be told: the pruned network answers {accuracy:.3f} of the test examples "
        f"right, expected at least {least:g}"
    )


def answers_with(case: Case, keep: Bool[np.ndarray, " neuron"]) -> Answers:
    """Of the network with some neurons, to the training examples."""
    return _answers_or_given(case, case.logits(prune(case.newest.network, keep)))


def _answers_or_given(case: Case, logits: Float[Tensor, "example answer"]) -> Answers:
    """An example without an answer, as two logits tie, keeps the label that it was given."""
    found = answers_of(logits)
    return np.where(found == NO_ANSWER, case.given, found)


def _repaired(case: Case, answers: Answers) -> Repaired:
    changed = answers != case.given
    true = case.run.dataset.true_label[case.train]

    def among(
        of: Bool[np.ndarray, " example"], which: Bool[np.ndarray, " example"]
    ) -> float | None:
        return float(of[which].mean()) if which.any() else None

    return Repaired(
        changed=float(changed.sum()),
        precision=among(case.wrong, changed),
        recall=among(changed, case.wrong),
        repaired=among(answers == true, case.wrong),
        spoiled=float((changed & ~case.wrong).sum()),
    )


def _mean(each: list[Repaired]) -> Repaired:
    return Repaired(**mean_of_draws([vars(one) for one in each]))  # type: ignore[arg-type]
