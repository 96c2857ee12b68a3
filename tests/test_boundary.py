"""Critical corruption: brackets by hand, and intervals against a boundary that was put in."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from interp import figures
from interp.analysis.sweeps.axes import Axes
from interp.analysis.sweeps.bootstrap import Bootstrap, interval, median
from interp.analysis.sweeps.boundary import Boundary, critical
from interp.analysis.sweeps.critical_value import CriticalValue
from interp.analysis.sweeps.diagram import phase_diagram
from tests.sweep_results import from_rows, made

PLANE = ("data.fraction", "data.corruption")
A, B = "coexistence", "memorization"
GRID = [0.0, 0.1, 0.2, 0.3]


def column(*seeds: list[str | None], fraction: float = 0.5) -> list:
    """Cells of one column: for each seed its phase at each ξ of the grid; None has no cell."""
    return [
        ((fraction, corruption, seed), state)
        for seed, states in enumerate(seeds)
        for corruption, state in zip(GRID, states, strict=True)
        if state is not None
    ]


def only(boundary: Boundary) -> CriticalValue:
    (row,) = boundary.rows
    return row


def test_middle_of_the_bracket_and_median_over_seeds():
    row = only(critical(from_rows(PLANE, column([A, A, B, B], [A, B, B, B], [A, A, A, B]))))
    assert (row.value, row.seeds, row.left_out) == (pytest.approx(0.15), 3, 0)
    assert (row.bracket_low, row.bracket_high) == pytest.approx((0.1, 0.2))
    # All three seeds are the same in 1/27 of the draws, more than the 2.5 % of either tail.
    assert (row.low, row.high) == pytest.approx((0.05, 0.25))
    assert row.censored == ""


def test_scan_ends_at_the_first_cell_outside():
    """Coexistence that comes back at higher corruption is another region."""
    assert only(critical(from_rows(PLANE, column([A, B, A, A])))).value == pytest.approx(0.05)


def test_two_middle_seeds_give_their_mean():
    row = only(critical(from_rows(PLANE, column([A, B, B, B], [A, A, A, B]))))
    assert row.value == pytest.approx(0.15)
    assert (row.bracket_low, row.bracket_high) == pytest.approx((0.1, 0.2))


def test_one_seed_has_no_interval():
    row = only(critical(from_rows(PLANE, column([A, A, B, B]))))
    assert (row.value, row.low, row.high) == (pytest.approx(0.15), None, None)


@pytest.mark.parametrize(
    ("states", "value", "words", "bracket"),
    [
        ([B, B, B, B], -inf, "below the grid", (-inf, 0.0)),
        ([A, A, A, A], inf, "above the grid", (0.3, inf)),
    ],
)
def test_off_the_grid_is_said(states, value, words, bracket):
    row = only(critical(from_rows(PLANE, column(states, states))))
    assert (row.value, row.low, row.high, row.censored) == (value, value, value, words)
    assert (row.bracket_low, row.bracket_high) == bracket
    assert (row.below, row.above) == (2 * (value < 0), 2 * (value > 0))


def test_no_number_between_a_seed_on_the_grid_and_one_off_it():
    """More than half of the seeds are inside below the value: of two, the lower one."""
    above = only(critical(from_rows(PLANE, column([A, A, A, A], [A, B, B, B]))))
    assert (above.value, above.low, above.high) == (pytest.approx(0.05), pytest.approx(0.05), inf)
    assert (above.bracket_low, above.bracket_high) == pytest.approx((0.0, 0.1))
    below = only(critical(from_rows(PLANE, column([B, B, B, B], [A, B, B, B]))))
    assert (below.value, below.low, below.high) == (-inf, -inf, pytest.approx(0.05))


def test_seed_with_a_hole_before_its_exit_is_left_out():
    rows = column([A, A, B, B], [A, None, B, B], [A, "failed", B, B], [A, B, None, "failed"])
    row = only(critical(from_rows(PLANE, rows)))
    assert (row.seeds, row.left_out) == (2, 2), "a hole behind the exit does not matter"
    assert row.value == pytest.approx(0.1)
    nothing = only(critical(from_rows(PLANE, column(["failed"] * 4))))
    assert (nothing.value, nothing.seeds, nothing.left_out) == (None, 0, 1)
    assert nothing.censored == "no seed"


def test_budget_too_short_counts_by_its_phase():
    rows = column([A, A, B, B])
    rows[1] = (rows[1][0], {"state": "budget too short", "phase": A})
    assert only(critical(from_rows(PLANE, rows))).value == pytest.approx(0.15)


def test_any_set_of_phases():
    rows = column(["full inversion", A, B, "confusion"])
    results = from_rows(PLANE, rows)
    assert only(critical(results)).value == pytest.approx(0.15)
    assert only(critical(results, {"full inversion"})).value == pytest.approx(0.05)
    assert only(critical(results, {A})).value == -inf
    known = {"full inversion", A, B}
    assert only(critical(results, known)).value == pytest.approx(0.25)


def test_columns_of_a_refinement_are_left_out_and_its_points_narrow_brackets():
    base = [*column([A, A, B, B]), *column([A, A, B, B], fraction=0.7)]
    base += column([A, A, A, B], fraction=0.9)
    new = [((0.5, 0.15, 0), A), ((0.8, 0.2, 0), A)]
    rows = critical(from_rows(PLANE, base + new)).rows
    assert [row.x for row in rows] == [0.5, 0.7, 0.9]
    assert [row.value for row in rows] == pytest.approx([0.175, 0.15, 0.25])
    named = critical(from_rows(PLANE, base + new), base={PLANE[0]: [0.5, 0.8]}).rows
    assert [(row.x, row.value) for row in named] == [(0.5, pytest.approx(0.175)), (0.8, None)]
    assert named[1].left_out == 1, "the lowest values of that column were never computed"


def test_panels_and_table():
    axes = {PLANE[0]: [0.3, 0.6], PLANE[1]: GRID, "optimizer.weight_decay": [0.0, 5.0]}

    def outcome(a: float, x: float, wd: float, seed: int) -> str:
        return A if x < 0.12 + 0.1 * (wd > 0) else B

    table = critical(made(axes, 3, outcome), bootstrap=Bootstrap(level=0.9)).to_pandas()
    assert list(table.columns[:3]) == ["optimizer.weight_decay", PLANE[0], "value"]
    np.testing.assert_allclose(table["value"], [0.15, 0.15, 0.25, 0.25])
    np.testing.assert_array_equal(table["seeds"], 3)
    held = Axes(where={"optimizer.weight_decay": 0.0})
    one = critical(made(axes, 3, outcome), axes=held).to_pandas()
    assert list(one.columns[:2]) == [PLANE[0], "value"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inside": {"grokked"}}, "inside: expected coexistence, .* or confusion, got 'grokked'"),
        ({"inside": "coexistence"}, "inside: expected a set of phases, got 'coexistence'"),
        ({"inside": ()}, r"inside: expected a set of phases, got \(\)"),
        (
            {"axes": Axes(y="model.activation")},
            "expected y to be an axis of numbers, got model.activation",
        ),
        ({"axes": Axes(x="p")}, "x to be one of the axes data.fraction.*; got 'p'"),
    ],
)
def test_bad_input(arguments, message):
    axes = {PLANE[0]: [0.5], PLANE[1]: [0.0], "model.activation": ["relu", "square"]}
    with pytest.raises(ValueError, match=message):
        critical(made(axes, 1, lambda *_: A), **arguments)


def test_bootstraps_that_are_none():
    with pytest.raises(ValueError, match=r"expected a level between 0 and 1, got 1\.0"):
        Bootstrap(level=1.0)
    with pytest.raises(
        ValueError,
        match=r"draws of a 0\.95 interval: expected a whole number of at least 40, got 39",
    ):
        Bootstrap(draws=39)
    Bootstrap(draws=40)
    Bootstrap(level=0.9, draws=20)


def test_median_of_what_is_there():
    values = np.array(
        [
            [3.0, 1.0, 2.0, np.nan],
            [4.0, 1.0, np.nan, 2.0],
            [1.0, 2.0, 3.0, 10.0],
            [1.0, 2.0, inf, inf],
            [-inf, 2.0, -inf, 3.0],
            [-inf, inf, np.nan, np.nan],
            [inf, inf, np.nan, np.nan],
            [np.nan] * 4,
        ]
    )
    np.testing.assert_array_equal(median(values), [2, 2, 2.5, 2, -inf, -inf, inf, np.nan])
    assert interval(np.full((5, 3), np.nan), 0.95) == (None, None)


def test_draws_are_those_of_their_seed_and_the_same_for_all_columns():
    jitter = np.random.default_rng(0).normal(0, 0.06, size=12)
    axes = {PLANE[0]: [0.3, 0.5], PLANE[1]: np.linspace(0, 0.5, 51).tolist()}
    results = made(axes, 12, lambda a, x, s: A if x < 0.25 + jitter[s] else B)
    found = [critical(results, bootstrap=Bootstrap(seed=s, draws=40)).rows for s in (0, 0, 1)]
    left, right = ([(rows[i].low, rows[i].high) for rows in found] for i in (0, 1))
    assert left == right, "columns that are equal get equal intervals only from the same seeds"
    assert left[0] == left[1] != left[2]


TRUTH = {0.1: 0.3537, 0.3: 0.4463}  # no middles of the grid, which would be hit exactly
SWEEPS, SEEDS, SPREAD = 60, 20, 0.1


@pytest.fixture(scope="module")
def jittered():
    """Sweeps (a panel each) in which the critical ξ of every seed scatters about a known one."""
    jitter = np.random.default_rng(7).normal(0, SPREAD, size=(SWEEPS, len(TRUTH), SEEDS))
    edge = np.array(list(TRUTH.values()))[:, None] + jitter
    column = {fraction: i for i, fraction in enumerate(TRUTH)}
    grid = np.round(np.arange(0, 0.82, 0.02), 2).tolist()
    axes = {PLANE[0]: list(TRUTH), PLANE[1]: grid, "sweep": range(SWEEPS)}
    return made(axes, SEEDS, lambda a, x, k, s: A if x < edge[k, column[a], s] else B)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_interval_covers_the_line_that_was_put_in(jittered, level):
    """The interval holds the truth about as often as its level says.

    The spacing of the grid, 0.02, is small beside the error of a median of 20, which is
    1.25 · 0.1 / √20 = 0.028. A share of 120 has a standard error of 0.046 at 0.5 and 0.027 at
    0.9; three of them are allowed.
    """
    rows = critical(jittered, bootstrap=Bootstrap(level, draws=400)).rows
    assert {row.seeds for row in rows} == {SEEDS}
    covered = np.mean([row.low <= TRUTH[row.x] <= row.high for row in rows])
    assert covered == pytest.approx(level, abs=3 * np.sqrt(level * (1 - level) / len(rows)))
    errors = [row.value - TRUTH[row.x] for row in rows]
    assert np.mean(errors) == pytest.approx(0, abs=3 * 0.028 / np.sqrt(len(rows)))
    assert np.std(errors) == pytest.approx(0.028, rel=0.25)


def test_boundary_is_drawn_where_it_was_found():
    rows = [*column([A, A, B, B], [A, A, A, B]), *column([B] * 4, [B] * 4, fraction=0.7)]
    rows += column(["failed"] * 4, fraction=0.9)
    results = from_rows(PLANE, rows)
    figure = figures.phase_diagram(phase_diagram(results), critical(results))
    line = next(t for t in figure.data if t.name == "critical value")
    np.testing.assert_allclose(line.x, [0.4, 0.6, 0.6, 0.8], atol=1e-6)
    np.testing.assert_allclose(line.y, [0.2, 0.2, -0.05, -0.05], atol=1e-6)
    (bars,) = [t for t in figure.data if t.type == "scatter" and t.error_y.array is not None]
    np.testing.assert_allclose([*bars.x, *bars.y], [0.5, 0.2], atol=1e-6)
    np.testing.assert_allclose([bars.error_y.array[0], bars.error_y.arrayminus[0]], 0.05, atol=1e-6)
    assert "95% bootstrap interval" in figure.layout.title.subtitle.text
