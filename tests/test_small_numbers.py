"""Small numbers that decide words and verdicts, each by hand."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest

from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.norm_weights import NormWeights, norm_correlation
from interp.analysis.neurons.table import NeuronTable
from interp.cli.progress import _told, duration
from interp.training.sweep.executors import work
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.table.outcome import CellOutcome
from interp.training.sweep.table.tally import Tally
from interp.training.tasks.task import make_task
from interp.training.trainer.sink import BusyError


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (45, "45 s"),
        (89, "89 s"),
        (90, "2 min"),
        (12 * 60, "12 min"),
        (89 * 60, "89 min"),
        (90 * 60, "1 h 30 min"),
        (3 * 3600 + 20 * 60, "3 h 20 min"),
    ],
)
def test_a_time_span_as_people_say_it(seconds, words):
    assert duration(seconds) == words


def test_rate_and_time_left_of_a_sweep():
    """Ten cells, two from before; five more in ten seconds leave three, at half a cell a second."""
    status = Counter(done=6, failed=1)
    tally = Tally(10, before=2, status=status, started=time.monotonic() - 10)
    assert tally.left == 3
    assert tally.rate == pytest.approx(0.5, rel=1e-2)
    told = _told(tally).split(" · ")
    assert told[:2] == ["6 of 10 cells done", "1 failed"]
    assert told[2:4] == ["0.50 runs/s", "6 s left"]


def test_the_ratio_of_norm_weights_is_one_of_means():
    """Class means 1 and 4; sums would give another number, since the classes differ in size."""
    p = 11
    delta, cosine = np.eye(p)[0], np.cos(2 * np.pi * np.arange(p) / p)
    curves = np.stack([np.stack([delta] * 3 + [cosine] * 5)] * 3)
    weights = np.array([0.5, 1.0, 1.5, 3.0, 4.0, 4.0, 4.0, 5.0])
    table = NeuronTable(make_task("x + y", p), curves, "cyclic", norm_weight=weights)
    found = NormWeights(table, classify(table, 0.5), norm_correlation(table))
    assert found.values()["norm_ratio"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("operation", "p", "answers"),
    [("x + y", 2, [0, 1, 1, 0]), ("x * y", 3, [0, 0, 0, 0, 1, 2, 0, 2, 1])],
)
def test_the_smallest_groups(operation, p, answers):
    task = make_task(operation, p)
    assert task.pairs.tolist() == [[m, n] for m in range(p) for n in range(p)]
    assert task.answers.tolist() == answers


def test_blanks_around_an_operation_mean_nothing():
    assert make_task("  x + y ", 5) is make_task("x + y", 5)
    assert make_task(" x**2 + 3*y ", 5).name == "x**2 + 3*y mod 5"


class Worker:
    """A worker whose run folder another process lets go of after some tries."""

    def __init__(self, tries: int) -> None:
        self.tries, self.asked = tries, 0

    def _train(self, configs, cells):
        self.asked += 1
        return [BusyError("busy") if self.asked < self.tries else "done"]

    def _finished(self, cell, outcome):
        return CellOutcome(cell, str(outcome))


def test_the_worker_of_a_killed_sweep_is_waited_for(monkeypatch):
    monkeypatch.setattr(work.time, "sleep", lambda seconds: None)
    cell = Cell("0", "{}")
    waiting = Worker(tries=3)
    assert work.Work._when_free(waiting, cell, BusyError("busy")).status == "done"
    assert waiting.asked == 3
