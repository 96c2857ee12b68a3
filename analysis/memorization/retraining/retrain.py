"""Networks that were trained again, by the way in which they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from interp.analysis.measure import NotDefined
from interp.analysis.memorization.retraining.derived import not_retrained
from interp.analysis.memorization.retraining.kinds import RETRAININGS
from interp.analysis.memorization.retraining.trainers import Trainer
from interp.training.arguments import as_text
from interp.training.config.run_config import RunConfig
from interp.training.lines import one_line
from interp.training.runs.run import Run

NONE, ALL, INFLUENCE = "none", "all", "influence"


@dataclass(frozen=True)
class Retrained:
    """What came of training a run again.

    Attributes:
        runs: of each way, by name: those trained first, then those trained from them.
        problems: why a way that was asked for is not possible.
        accuracy: mean test accuracy by way, before any second stage: the phase that the scores
            are read in, which need not be that of the run.
    """

    runs: Mapping[str, Sequence[Run]] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    accuracy: Mapping[str, float] = field(default_factory=dict)

    def of(self, way: str) -> Sequence[Run]:
        """The networks of a way.

        Raises:
            NotDefined: if there are none.
        """
        if way not in self.runs:
            asked = f"expected networks that were trained again ({way}): interp retrain trains them"
            raise NotDefined(self.problems.get(way, asked))
        return self.runs[way]


def ways_of(text: str) -> tuple[str, ...]:
    """The ways of retraining that an option names, separated by commas.

    Raises:
        ValueError: for one that is none.
    """
    words = [word.strip() for word in as_text(text, "retrain").split(",")]
    if words == [NONE]:
        return ()
    several = {few: [n for n in RETRAININGS if RETRAININGS[n].few == few] for few in (True, False)}
    found: list[str] = []
    for word in words:
        if word not in (ALL, INFLUENCE, *RETRAININGS):
            known = f"{NONE}, or some of {ALL}, {INFLUENCE}, {', '.join(RETRAININGS)}"
            raise ValueError(f"retrain: expected {known}, got {word!r}")
        found += {ALL: several[True], INFLUENCE: several[False]}.get(word, [word])
    return tuple(dict.fromkeys(found))


def retrain(run: Run, ways: Sequence[str], trainer: Trainer, seed: int = 0) -> Retrained:
    """Trains a run again in some ways, in two rounds.

    Args:
        run: a finished one, trained here.
        ways: names of RETRAININGS.
        trainer: who trains.
        seed: of the parts that its examples are split into.

    Raises:
        NotDefined: if the run cannot be trained again.
        ValueError: if a network could not be trained.
    """
    reason = not_retrained(run) if ways else None
    if reason is not None:
        raise NotDefined(f"retrain: {reason}")
    problems: dict[str, str] = {}
    asked: dict[str, list[RunConfig]] = {}
    for way in ways:
        try:
            asked[way] = RETRAININGS[way].first(run, seed)
        except ValueError as error:  # such as a batch of more examples than are left
            problems[way] = one_line(error)
    firsts = _by_way(trainer, asked)
    then = {way: RETRAININGS[way].then(run, runs) for way, runs in firsts.items()}
    seconds = _by_way(trainer, then)
    stage_one = {way: runs if RETRAININGS[way].anew else [run] for way, runs in firsts.items()}
    return Retrained(
        {way: (*firsts[way], *seconds[way]) for way in firsts},
        problems,
        {
            way: accuracy
            for way, runs in stage_one.items()
            if (accuracy := _test_accuracy(runs)) is not None
        },
    )


def _test_accuracy(runs: Sequence[Run]) -> float | None:
    """Mean over networks; None without test examples."""
    found = [run.measurement().scores["test"].accuracy for run in runs]
    known = [one for one in found if one is not None]
    return float(np.mean(known)) if known else None


def _by_way(trainer: Trainer, asked: Mapping[str, list[RunConfig]]) -> dict[str, list[Run]]:
    """What is asked for, trained at once, and told apart again."""
    runs = iter(trainer([config for configs in asked.values() for config in configs]))
    return {way: [next(runs) for _ in configs] for way, configs in asked.items()}
