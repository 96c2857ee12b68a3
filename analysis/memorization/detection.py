"""Who finds the wrong labels? Every score of suspicion, judged by the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Float

from interp.analysis.caption import place
from interp.analysis.measure import NotDefined, measure
from interp.analysis.mechanism.draws import mean_of_draws
from interp.analysis.memorization.case import Case, PerExample
from interp.analysis.memorization.detectors import DETECTORS, early_step
from interp.analysis.memorization.retraining.retrain import NONE, Retrained, ways_of
from interp.analysis.memorization.retraining.retrain import retrain as trained_again
from interp.analysis.memorization.retraining.trainers import in_memory
from interp.analysis.memorization.suspicion import Found, found
from interp.training.arguments import MOST_DRAWS, whole
from interp.training.data.dataset import Dataset
from interp.training.display import Result
from interp.training.lines import one_line, with_kind
from interp.training.optional import PartError
from interp.training.runs.run import Run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Detection(Result):
    """How well each score finds the wrong labels of a run.

    Attributes:
        found: by the names of DETECTORS; of random draws the mean.
        problems: why a score is not defined here, by name.
        chance: precision of a score that knows nothing: the share of wrong labels.
        wrong: how many training labels are wrong.
        caption: of the run; which checkpoints.
        retrained: test accuracy of networks that were trained again, by the way: the phase that
            they are in, which need not be that of the run.
        note: what a score that is told the group is worth; how well a network that trained with
            turn-over dropout does without it.
        suspicion: every score of each training example; of random draws the mean.
        dataset: of the run.
    """

    found: Mapping[str, Found]
    problems: Mapping[str, str]
    chance: float
    wrong: int
    caption: str
    retrained: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    suspicion: Mapping[str, PerExample] = field(default_factory=dict, compare=False, kw_only=True)
    dataset: Dataset = field(compare=False, kw_only=True)

    MAIN: ClassVar[tuple[str, ...]] = ("final_loss.auroc", "pruned_margin.auroc")
    COLUMNS: ClassVar[tuple[str, ...]] = ("what", "auroc", "precision", "average_precision")

    def values(self) -> dict[str, float | None]:
        """``final_loss.auroc``, ``.precision`` and ``.average_precision`` of each, and chance."""
        values: dict[str, float | None] = {
            f"{name}.{metric}": value
            for name, one in self.found.items()
            for metric, value in vars(one).items()
        }
        phases = {f"{way}.test_accuracy": value for way, value in self.retrained.items()}
        return {**values, **phases, "chance": self.chance, "wrong": float(self.wrong)}

    def to_pandas(self) -> pd.DataFrame:
        """A row a score, controls marked; the last row is chance."""
        import pandas as pd

        rows: dict[str, dict[str, Any]] = {
            name: {"what": DETECTORS[name].words, "control": DETECTORS[name].control, **vars(one)}
            for name, one in self.found.items()
        }
        by_chance = Found(0.5, self.chance, self.chance)
        rows["chance"] = {"what": "chance", "control": True, **vars(by_chance)}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="score")

    def examples(self) -> pd.DataFrame:
        """A row a training example: operands, labels, whether the given one is wrong, scores."""
        import pandas as pd

        data, train = self.dataset, self.dataset.is_train
        x, y = data.pairs[train].T
        known = {"x": x, "y": y, "given": data.given_label[train], "true": data.true_label[train]}
        frame = pd.DataFrame({**known, "wrong": data.is_wrong[train], **self.suspicion})
        return frame.rename_axis(index="example")

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with the reasons why some scores are not there."""
        return {**super().to_dict(), "problems": dict(self.problems)}


def no_wrong_labels(run: Run) -> str | None:
    """Why there is nothing to find."""
    wrong = run.dataset.is_wrong[run.dataset.is_train]
    if not wrong.any():
        return "expected training examples with a wrong label, found none"
    if wrong.all():
        return "expected training examples with a right label, found none"
    return None


@measure(
    "detection",
    reads="run",
    source="Pleiss et al. 2020 (arXiv 2001.10528), Pruthi et al. 2020 (arXiv 2002.08484), Liu and "
    "Lu 2026 (arXiv 2605.18022); pruning: Doshi et al. 2024 (arXiv 2310.13061)",
    refuses=no_wrong_labels,
)
def detection(run: Run, *, draws: int = 5, retrain: str = NONE, seed: int = 0) -> Detection:
    """How well scores find the wrong labels: AUROC, precision at k, average precision.

    Args:
        run: whose training examples have some wrong labels; with several checkpoints for scores
            over training.
        draws: of random prunings.
        retrain: what is trained again for scores that need it, in this process and not kept:
            none, all, or some of folds, second_split, halves, turnover, separated by commas.
            ``interp retrain`` does the same as a sweep, which can be cut off.
        seed: of random prunings, and of the parts that the examples are split into.
    """
    again = trained_again(run, ways_of(retrain), in_memory, whole(seed, "seed"))
    return judged(run, again, draws, seed)


def judged(run: Run, again: Retrained, draws: int = 5, seed: int = 0) -> Detection:
    """Every score that is defined, by the truth.

    Args:
        run: as for :func:`detection`.
        again: networks that were trained again.
        draws: of random prunings.
        seed: of these.
    """
    case = Case(run, seed, whole(draws, "draws", least=1, most=MOST_DRAWS), again)
    each: dict[str, Found] = {}
    rows: dict[str, PerExample] = {}
    problems: dict[str, str] = {}
    for name in DETECTORS:
        try:
            drawn = suspicion_of(name, case)
        except (NotDefined, PartError) as error:
            problems[name] = one_line(error)
            continue
        rows[name], each[name] = drawn.mean(axis=0), _judged(drawn, case)
    wrong = int(case.wrong.sum())
    words = [f"{wrong} of {len(case.train)} training labels wrong"]
    if "early_loss" in each:
        words.append(f"early: step {early_step(case)}")
    words.append(f"{len(run.steps)} checkpoint{'s' if len(run.steps) > 1 else ''}")
    caption = place(run.seed, run.last_step, *words)
    share, accuracy = wrong / len(case.train), again.accuracy
    return Detection(
        each,
        problems,
        share,
        wrong,
        caption,
        accuracy,
        _note(case, problems),
        suspicion=rows,
        dataset=run.dataset,
    )


def _note(case: Case, problems: Mapping[str, str]) -> str:
    """What scores are worth, which phase retrained networks are in, and what was not possible."""
    again, controls = case.retrained, f"{case.draws} random prunings"
    words = ["the G-net and the vote are told the group, in which few bits remain to be found"]
    test = case.newest.scores["test"].accuracy
    if case.run.config.model.dropout_masks is not None and test is not None:
        words.append(f"turn-over dropout: test accuracy of the full network {test:.2f}")
    words += [f"test accuracy of {way}: {value:.2f}" for way, value in again.accuracy.items()]
    words.append(
        f"{controls}{' and parts of the examples' if again.runs else ''}: seed {case.seed}"
    )
    own = {name: why for name, why in problems.items() if not DETECTORS.is_own(name)}
    words += [f"not there: {name} ({why})" for name, why in {**again.problems, **own}.items()]
    return " · ".join(words)


def suspicion_of(name: str, case: Case) -> Float[np.ndarray, "draw example"]:
    """A score of every training example; several rows are draws.

    Raises:
        NotDefined: if there is no such score here, or somebody's own fails.
    """
    try:
        rows = np.atleast_2d(np.asarray(DETECTORS[name].score(case), dtype=float))
    except (NotDefined, PartError):
        raise
    except Exception as error:
        if DETECTORS.is_own(name):
            raise
        raise NotDefined(with_kind(error)) from error  # whatever somebody's own code raises
    expected = f"expected a finite number for each of {len(case.train)} training examples"
    if rows.shape[1:] != (len(case.train),):
        raise NotDefined(f"{expected}, got shape {rows.shape}")
    if not np.isfinite(rows).all():
        raise NotDefined(f"{expected}, got {int((~np.isfinite(rows)).sum())} that are none")
    return rows


def _judged(rows: Float[np.ndarray, "draw example"], case: Case) -> Found:
    """By the truth; of several draws the mean."""
    each = [vars(found(row, case.wrong)) for row in rows]
    return Found(**mean_of_draws(each))  # type: ignore[arg-type]
