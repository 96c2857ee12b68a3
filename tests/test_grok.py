"""The grok step by four definitions, on histories written by hand."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp.analysis.phases.events import Interval, first_crossing
from interp.analysis.phases.grok import GROK_RULES, GrokCriteria, grok_interval, grok_steps
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.test_pruning import run_with

every_rule = pytest.mark.parametrize("rule", GROK_RULES)

# Binary fractions, so that spreads are exact: level 3/4, tolerance 1/8.
EXACT = GrokCriteria(level=0.75, repeats=3, window=4, tolerance=0.125)
histories = st.lists(
    st.sampled_from([0.0, 0.5, 0.6875, 0.75, 0.8125, 0.875, 1.0]), min_size=1, max_size=24
)


def steps_of(accuracies, criteria=EXACT):
    """The interval of each rule, evaluations being at steps 0, 10, 20, …"""
    steps = 10 * np.arange(len(accuracies))
    values = np.array(accuracies, dtype=float)
    return {rule: grok_interval(rule, steps, values, criteria) for rule in GROK_RULES}


def up_to(by):
    """The interval between an evaluation of :func:`steps_of` and the one before."""
    return None if by is None else Interval(by - 10, by)


CASES = {
    "a clean rise": ([0, 0.5, 1, 1, 1, 1], (20, 20, 20, 20)),
    "a peak of one evaluation, then for good": ([0, 1, 0.5, 1, 1, 1, 1], (10, 30, 30, 30)),
    "two in a row are not sustained": ([0, 1, 1, 0, 0.5], (10, None, None, None)),
    "sustained, then lost": ([0, 1, 1, 1, 0.5], (10, 10, None, None)),
    "steady, then lost": ([0, 1, 1, 1, 1, 0.5], (10, 10, 10, None)),
    "steady, lost and back at the end": ([0, 1, 1, 1, 1, 0.5, 1], (10, 10, 10, 60)),
    "steady only after a wobble": (
        [0, 0.75, 1, 0.75, 1, 0.75, 0.8125, 0.8125, 0.75],
        (10, 10, 50, 10),
    ),
    "a spread of the tolerance itself is not below it": (
        [0, 0.75, 0.875, 0.75, 0.875],
        (10, 10, None, 10),
    ),
    "just under the tolerance": ([0, 0.75, 0.8125, 0.75, 0.8125], (10, 10, 10, 10)),
    "the level itself counts": ([0.6875, 0.75, 0.75, 0.75, 0.75], (10, 10, 10, 10)),
    "at the last evaluation only": ([0, 0.5, 1], (20, None, None, 20)),
    "never": ([0, 0.5, 0.6875, 0.5], (None, None, None, None)),
    "above from the start": ([1, 1, 1, 1, 1], (None, None, None, None)),
    "above from the start, not yet steady": ([1, 0.75, 1, 1, 1, 1], (None, None, None, None)),
    "above, below and back": ([1, 1, 1, 1, 0.5, 1, 1, 1, 1], (50, 50, 50, 50)),
    "falls from the start": ([1, 1, 0.5], (None, None, None, None)),
    "one evaluation": ([0.5], (None, None, None, None)),
    "no evaluation": ([], (None, None, None, None)),
}


@pytest.mark.parametrize("case", CASES)
def test_each_definition_by_hand(case):
    accuracies, expected = CASES[case]
    assert steps_of(accuracies) == {
        rule: up_to(by) for rule, by in zip(GROK_RULES, expected, strict=True)
    }


def test_definitions_order_two_runs_differently():
    early_peak = steps_of([0, 1, 0.5, 0.5, 0.5, 1, 1, 1, 1])
    late_rise = steps_of([0, 0, 1, 1, 1, 1, 1, 1, 1])
    assert early_peak["first"].by < late_rise["first"].by
    assert early_peak["lasting"].by > late_rise["lasting"].by


@every_rule
@given(histories)
def test_an_interval_is_two_neighbouring_evaluations_after_a_low_one(rule, accuracies):
    found = steps_of(accuracies)[rule]
    if found is None:
        return
    index = found.by // 10
    assert found == Interval(10 * (index - 1), 10 * index)
    assert accuracies[index] >= EXACT.level
    assert min(accuracies[:index]) < EXACT.level


@every_rule
@given(histories)
def test_every_rule_needs_a_crossing(rule, accuracies):
    """All but ``steady``, which may wait for a flat stretch, name the evaluation that crosses."""
    found = steps_of(accuracies)
    if max(accuracies) < EXACT.level or min(accuracies) >= EXACT.level:
        assert found[rule] is None
    elif found[rule] is not None and rule != "steady":
        assert accuracies[found[rule].after // 10] < EXACT.level


@given(histories)
def test_order_of_the_definitions(accuracies):
    by = {rule: found and found.by for rule, found in steps_of(accuracies).items()}
    for earlier, later in (("first", "sustained"), ("sustained", "steady")):
        if by[later] is not None:
            assert by[earlier] is not None
            assert by[earlier] <= by[later]
    if by["lasting"] is not None:
        assert by["first"] is not None
        assert (by["sustained"] or 0) <= by["lasting"]


@given(histories)
def test_definitions_as_they_are_said(accuracies):
    """A second implementation: each rule as a sentence about the list."""
    level, n = EXACT.level, len(accuracies)

    def holds(rule, i):
        rest = accuracies[i:]
        three, four = rest[: EXACT.repeats], rest[: EXACT.window]
        return {
            "first": rest[0] >= level,
            "sustained": len(three) == 3 and all(a >= level for a in three),
            "steady": len(four) == 4
            and all(a >= level for a in four)
            and max(four) - min(four) < EXACT.tolerance,
            "lasting": all(a >= level for a in rest),
        }[rule]

    for rule, found in steps_of(accuracies).items():
        started = [
            i
            for i in range(n)
            if holds(rule, i) and any(earlier < level for earlier in accuracies[:i])
        ]
        assert found == (up_to(10 * started[0]) if started else None), rule


@given(histories)
def test_the_first_crossing_is_that_of_dynamics(accuracies):
    run = run_with([(10 * i, 0.5, accuracy, 0.5) for i, accuracy in enumerate(accuracies)])
    expected = first_crossing(run, "test", EXACT.level, rising=True)
    assert grok_steps(run, EXACT.level)["first"] == expected


def test_a_run_is_read_with_the_stated_defaults():
    """Level 0.99, 3 in a row, windows of 5 with a spread below 0.005."""
    test = [0.0, 0.989, 0.99, 0.98, 0.99, 0.996, 1.0, 0.998, 0.997, 0.999, 1.0]
    run = run_with([(step * step, 0.65, a, 0.0) for step, a in enumerate(test)])
    assert grok_steps(run) == {
        "first": Interval(1, 4),
        "sustained": Interval(9, 16),
        "steady": Interval(16, 25),
        "lasting": Interval(9, 16),
    }
    assert grok_steps(run, tolerance=0.0025)["steady"] is None
    assert grok_steps(run, tolerance=0.0035)["steady"] == Interval(25, 36)
    assert grok_steps(run, tolerance=0.0025, window=3)["steady"] == Interval(36, 49)
    assert grok_steps(run, repeats=8)["sustained"] is None
    assert grok_steps(run, level=0.985)["first"] == Interval(0, 1)


@every_rule
def test_a_run_that_never_grokked_is_counted(rule):
    run = run_with([(0, 0.0, 0.0, 0.0), (5, 1.0, 0.98, 0.0)])
    assert grok_steps(run)[rule] is None


@every_rule
def test_without_test_examples_nothing_groks(rule):
    run = train(tiny_config(data={"fraction": 1}))
    assert grok_steps(run)[rule] is None


@every_rule
def test_without_evaluations_nothing_groks(rule, tiny_run):
    assert grok_steps(replace(tiny_run, measurements=()))[rule] is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"level": 0}, "grok level: expected an accuracy above 0, at most 1, got 0"),
        ({"level": 1.01}, "grok level: expected an accuracy above 0, at most 1, got 1.01"),
        ({"repeats": 0}, "grok repeats: expected a whole number of at least 1, got 0"),
        ({"window": 0}, "grok window: expected a whole number of at least 1, got 0"),
        ({"tolerance": 0}, "grok tolerance: expected a number above 0, got 0"),
    ],
)
def test_criteria_out_of_range(tiny_run, changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        grok_steps(tiny_run, **changes)
