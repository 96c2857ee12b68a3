"""The pairs of an open run at the checkpoints that were looked at."""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from interp.analysis.measure import NotDefined
from interp.analysis.memorization.pair_rows import PairTable
from interp.analysis.memorization.pair_table import caption_with, gaps_of, pair_table
from interp.analysis.memorization.pair_votes import PairVotes, pair_votes
from interp.analysis.neurons.classify import NotBimodalWarning
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.run import Run

MOST = 4  # checkpoints that are kept: 20 MB each at p 97 and 500 neurons


@dataclass(frozen=True)
class PairsAt:
    """Every pair at a checkpoint.

    Attributes:
        table: a row a pair.
        votes: of the neurons of the first hidden layer; None if there are none.
        reason: why not.
    """

    table: PairTable
    votes: PairVotes | None
    reason: str = ""

    @property
    def first(self) -> int:
        """The first pair that is memorized, else with a wrong label, else of all."""
        for which in (self.table.memorized, self.table.wrong):
            if which.any():
                return int(which.argmax())
        return 0

    def at(self, operands: object) -> int:
        """The pair of two operands, which come from a page; the first one if there is none."""
        found = (self.table.dataset.pairs == operands).all(axis=-1)
        return int(found.argmax()) if operands and found.any() else self.first


@dataclass
class PairReadings:
    """What was read, and since when pairs are right, which is the same at every checkpoint."""

    _found: OrderedDict[int, PairsAt] = field(default_factory=OrderedDict)
    _history: PairTable | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def at(self, run: Run, checkpoint: Checkpoint) -> PairsAt:
        """The pairs of a checkpoint of the run; whoever asks at once waits for one answer."""
        step = run.last_step if checkpoint.step is None else checkpoint.step
        with self._lock, warnings.catch_warnings():
            # The page says it of the classes, at the numbers.
            warnings.simplefilter("ignore", NotBimodalWarning)
            known = self._found.get(step)
            if known is None or known.table.steps != tuple(run.steps):
                known = self._read(run, checkpoint)
                self._found[step] = known
                while len(self._found) > MOST:
                    self._found.popitem(last=False)
            self._found.move_to_end(step)
            return known

    def _read(self, run: Run, checkpoint: Checkpoint) -> PairsAt:
        if self._history is None or self._history.steps != tuple(run.steps):
            self._history = pair_table(run)
        past = self._history
        table = pair_table(checkpoint)
        table = replace(
            table,
            learned=past.learned,
            forgotten=past.forgotten,
            steps=past.steps,
            caption=caption_with(checkpoint, past.steps),
            gaps=gaps_of(run, past.steps, table.without),
        )
        if not checkpoint.network.layers:
            return PairsAt(table, None, "An attention-only network has no neurons.")
        try:
            return PairsAt(table, pair_votes(checkpoint))
        except NotDefined as error:
            words = f"What neurons add to a margin is not defined here: {error}."
            return PairsAt(table, None, words)
