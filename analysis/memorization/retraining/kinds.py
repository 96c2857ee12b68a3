"""Ways to train a run again, as one table: which networks, from what, on which examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from interp.analysis.measure import NotDefined
from interp.analysis.memorization.retraining.derived import marked, on, without
from interp.training.config.run_config import RunConfig
from interp.training.data.corruption import CorruptionKind, lowest, redraw
from interp.training.data.dataset import Dataset
from interp.training.lines import one_line
from interp.training.randomness import stream
from interp.training.registry import Registry
from interp.training.runs.run import Run

FOLDS = 5
SECOND_FRACTION = 0.3  # of all pairs, at most: the second split
SECOND_STEPS = 100
SLOWER = 0.1  # of the learning rate, in the slower of two second stages
LEFT_OUT = 40  # examples that are left out one by one, half of them wrong
SUBSETS, SHARE = 36, 0.7  # random parts of the training set, and how large they are
GROUPS, REPEATS = 12, 3  # parts of the training set that are left out, and how often it is parted


@dataclass(frozen=True)
class Retraining:
    """A way to train a run again.

    Attributes:
        words: what it is.
        first: configurations of what is trained at once, of a run and a seed.
        then: of what is trained after that, from the networks that came of it.
        few: whether it is cheap enough to be among all ways.
        anew: whether training begins anew, and not with the run's own weights.
    """

    words: str
    first: Callable[[Run, int], list[RunConfig]]
    then: Callable[[Run, Sequence[Run]], list[RunConfig]] = lambda run, firsts: []
    few: bool = True
    anew: bool = True


def _parts(run: Run, count: int, seed: int, part: int = 0) -> list[np.ndarray]:
    """Places of the training examples among all pairs, in parts drawn at random."""
    train = np.flatnonzero(run.dataset.is_train)
    if len(train) <= count:
        raise NotDefined(f"expected more than {count} training examples, got {len(train)}")
    return np.array_split(stream(seed, "retraining", part).permutation(train), count)


def _without(run: Run, places: np.ndarray) -> RunConfig:
    return on(run, without(run.dataset, marked(run.dataset, places)))


def _folds(run: Run, seed: int) -> list[RunConfig]:
    return [_without(run, part) for part in _parts(run, FOLDS, seed)]


def _groups_out(run: Run, seed: int) -> list[RunConfig]:
    every = (part for repeat in range(REPEATS) for part in _parts(run, GROUPS, seed, repeat))
    return [_without(run, part) for part in every]


def _subsets(run: Run, seed: int) -> list[RunConfig]:
    train = np.concatenate(_parts(run, SUBSETS, seed))  # refuses so few that parts would coincide
    count = round((1 - SHARE) * len(train))
    random = stream(seed, "retraining", 1)
    return [_without(run, random.permutation(train)[:count]) for _ in range(SUBSETS)]


def _one_out(run: Run, seed: int) -> list[RunConfig]:
    """Half of them wrong labels, as far as there are as many."""
    dataset = run.dataset
    random = stream(seed, "retraining")
    wrong = random.permutation(np.flatnonzero(dataset.is_wrong))[: LEFT_OUT // 2]
    right = random.permutation(np.flatnonzero(dataset.is_train & ~dataset.is_wrong))
    chosen = [*wrong, *right[: LEFT_OUT - len(wrong)]]
    return [_without(run, np.array([place])) for place in chosen]


def _second_stage(run: Run, dataset: Dataset, start: Run, rate: float = 1.0) -> RunConfig:
    steps = list(range(SECOND_STEPS + 1))
    return on(
        run,
        dataset,
        start,
        steps=SECOND_STEPS,
        optimizer__lr=run.config.optimizer.lr * rate,
        schedule__checkpoint_steps=steps,
        stop={},
    )


def second_split(run: Run, seed: int) -> Dataset:
    """Pairs that were not trained on, as a training set, with as large a share of redrawn labels.

    They are redrawn as those of the run were; uniformly, if its dataset was given.

    Raises:
        NotDefined: if there are none.
    """
    dataset, data = run.dataset, run.config.data
    unused = stream(seed, "retraining").permutation(np.flatnonzero(~dataset.is_train))
    count = min(round(SECOND_FRACTION * len(dataset)), len(unused))
    if not count:
        raise NotDefined("expected pairs that were not trained on, for a second split, found none")
    share = dataset.is_redrawn.sum() / dataset.is_train.sum()
    train = marked(dataset, unused[:count])
    kind = cast("CorruptionKind", "uniform" if data.is_given else data.kind)
    rank, label = redraw(dataset.task, kind, stream(seed, "retraining", 1), data.block)
    redrawn = lowest(rank, train, round(share * count))
    labels = np.where(redrawn, label, dataset.true_label)
    return replace(dataset, given_label=labels, is_train=train, is_redrawn=redrawn)


def _second(run: Run, seed: int) -> list[RunConfig]:
    data = second_split(run, seed)
    return [_second_stage(run, data, run), _second_stage(run, data, run, SLOWER)]


def _halves(run: Run, seed: int) -> list[RunConfig]:
    one, other = _parts(run, 2, seed)
    return [_without(run, other), _without(run, one)]


def _other_halves(run: Run, firsts: Sequence[Run]) -> list[RunConfig]:
    one, other = firsts
    return [
        _second_stage(run, other.dataset, one),
        _second_stage(run, one.dataset, other),
    ]


def _turnover(run: Run, seed: int) -> list[RunConfig]:
    """With the run's own seed of dropout; a mask an example."""
    model = run.config.model
    if model.dropout_masks is not None:
        raise NotDefined("expected a run without turn-over dropout, got one with it")
    try:
        return [on(run, run.dataset, model__dropout=0.5, model__dropout_masks=0)]
    except ValueError as error:
        raise NotDefined(one_line(error)) from None


_ROWS = {
    "folds": Retraining(f"{FOLDS} networks, each without a fifth of the examples", _folds),
    "second_split": Retraining(
        f"{SECOND_STEPS} steps on pairs that were not trained on, at the rate and a tenth of it",
        _second,
        anew=False,
    ),
    "halves": Retraining(
        f"each half of the examples, then {SECOND_STEPS} steps on the other one",
        _halves,
        _other_halves,
    ),
    "turnover": Retraining(
        "with turn-over dropout: a mask an example, which makes memorizing trivial", _turnover
    ),
    "one_out": Retraining(f"{LEFT_OUT} networks, each without one example", _one_out, few=False),
    "groups_out": Retraining(
        f"{GROUPS * REPEATS} networks, each without a {GROUPS}th of the examples",
        _groups_out,
        few=False,
    ),
    "subsets": Retraining(
        f"{SUBSETS} networks on random {SHARE:.0%} of the examples", _subsets, few=False
    ),
}
RETRAININGS: Registry[Retraining] = Registry("retraining", dict(_ROWS))
