"""Phase diagrams: votes, arrays, refinement, figures; on results that a formula makes."""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from interp import figures
from interp.analysis.phases.phase import PhaseName
from interp.analysis.sweeps.boundary import critical
from interp.analysis.sweeps.diagram import PhaseDiagram, phase_diagram
from interp.analysis.sweeps.refine import refine
from interp.analysis.sweeps.vote import POINT_STATES, vote
from interp.figures.diagram.cells import STATE_COLOUR
from interp.figures.diagram.scale import scales
from interp.training.sweep.table.results import Results, distinct
from tests.sweep_results import from_rows, made

PLANE = ("data.fraction", "data.corruption")
DECAY = "optimizer.weight_decay"
A, B, C = "coexistence", "memorization", "full inversion"


def test_words_with_numbers_stand_in_the_order_of_the_numbers():
    words = ["wd 15", "wd 0 · batch 64", "wd 5", None, "wd 0"]
    assert distinct(words) == ["wd 0", "wd 0 · batch 64", "wd 5", "wd 15", None]
    assert distinct([10.0, None, 9.0, 10.0]) == [9.0, 10.0, None]
    assert distinct(["relu", "", "1"]) == ["", "1", "relu"]
    assert distinct(["1", "001", "01"]) == ["001", "01", "1"]  # the order of a set is no order


def scored(state: str, test: float | None, seed: int) -> dict[str, object]:
    return {
        "state": state,
        "phase": state,
        "train_accuracy": 1.0,
        "test_accuracy": test,
        "mean_ipr": 0.1 * seed,
        "ipr_convention": "one-sided",
    }


def by_curve(fraction: float, corruption: float, *_: object) -> PhaseName:
    """Generalizes below a curve that rises strictly from 0.05 at α = 0 to 0.9."""
    return "coexistence" if corruption < 0.05 + 0.85 * fraction**1.5 else "memorization"


def two_seeds_three_panels() -> Results:
    """At wd 15 and α = 0.9 the second seed ends elsewhere; one cell failed; one seed is missing."""
    rows = []
    for decay in (0.0, 5.0, 15.0):
        for fraction in (0.1, 0.5, 0.9):
            for corruption in (0.0, 0.4):
                for seed in (0, 1, 2):
                    state = A if corruption == 0 or fraction == 0.9 else B
                    if decay == 15 and fraction == 0.9 and seed == 1:
                        state = C
                    row: str | dict = scored(state, 0.5 + 0.1 * seed, seed)
                    if (decay, fraction, corruption) == (5, 0.1, 0.4) and seed == 2:
                        row = "failed"
                    if (decay, fraction, corruption) == (0, 0.1, 0.4) and seed == 2:
                        continue
                    rows.append(((fraction, corruption, decay, seed), row))
    return from_rows((*PLANE, DECAY), rows)


def point(diagram: PhaseDiagram, x: float, y: float, panel: object = None):
    return next(p for p in diagram.points if (p.x, p.y, p.panel) == (x, y, panel))


@pytest.mark.parametrize(
    ("states", "winner", "share"),
    [
        ([A], A, 1),
        ([B, A, A], A, 2 / 3),
        ([A, B], "tied", 1 / 2),
        ([A, B, C], "tied", 1 / 3),
        ([B, B, A, A, C], "tied", 2 / 5),
        (["failed", "failed", A], "failed", 2 / 3),
        (["budget too short", A], "tied", 1 / 2),
    ],
)
def test_vote(states, winner, share):
    found = vote(states)
    assert found.state == winner
    assert found.share == pytest.approx(share)
    assert found.votes == {state: states.count(state) for state in states}
    assert vote(states[::-1]) == found, "the order of seeds must not matter"


def test_vote_refuses_what_is_no_state():
    with pytest.raises(ValueError, match=r"expected a state among coexistence.*; got 'grokked'"):
        vote(["grokked"])
    with pytest.raises(ValueError, match="expected the state of at least one seed, found none"):
        vote([])


def test_diagram_by_hand():
    diagram = phase_diagram(two_seeds_three_panels())
    assert (diagram.panel, diagram.panels) == (DECAY, [0.0, 5.0, 15.0])
    assert len(diagram.points) == 18
    assert diagram.states == [A, B]
    split = point(diagram, 0.9, 0.4, 15.0)
    assert (split.state, split.seeds, dict(split.votes)) == (A, 3, {A: 2, C: 1})
    assert split.share == pytest.approx(2 / 3)
    assert split.test is not None
    assert (split.test.mean, split.test.low, split.test.high) == pytest.approx((0.6, 0.5, 0.7))
    assert split.ipr is not None
    assert (split.ipr.mean, split.ipr.seeds) == (pytest.approx(0.1), 3)
    assert split.corrupted is None, "no seed has one"
    short = point(diagram, 0.1, 0.4, 0.0)
    assert (short.seeds, short.share) == (2, 1), "a seed that is missing does not vote"
    failed = point(diagram, 0.1, 0.4, 5.0)
    assert dict(failed.votes) == {B: 2, "failed": 1}
    assert failed.test is not None
    assert (failed.test.seeds, failed.test.mean) == (2, pytest.approx(0.55))


def test_table_of_the_diagram():
    table = phase_diagram(two_seeds_three_panels()).to_pandas()
    assert len(table) == 18
    row = table[(table[DECAY] == 15) & (table[PLANE[0]] == 0.9) & (table[PLANE[1]] == 0.4)].iloc[0]
    assert (row["state"], row["seeds"], row[f"votes.{A}"], row[f"votes.{C}"]) == (A, 3, 2, 1)
    assert row["test_accuracy_high"] == pytest.approx(0.7)
    assert np.isnan(row["corrupted_accuracy"])


def test_sweep_whose_cells_all_failed_has_no_scores():
    """A table without columns of scores, as such a sweep leaves it."""
    results = made({PLANE[0]: [0.1, 0.2], PLANE[1]: [0.1, 0.2]}, 2, lambda *_: "failed")
    kept = results.table.select([*PLANE, "seed", "hash", "status", "state"])
    diagram = phase_diagram(Results(kept, PLANE))
    assert diagram.states == ["failed"]
    assert {(p.share, p.train, p.ipr) for p in diagram.points} == {(1.0, None, None)}
    assert diagram.convention is None
    maps = figures.phase_scores(diagram).data
    assert len(maps) == 4, "a map a score"
    assert all(np.isnan(one.z).all() for one in maps)


def test_zipped_axis_needs_no_fixing_and_where_holds_one():
    axes = (*PLANE, DECAY, "steps")
    steps = {0.0: 100, 5.0: 200}
    rows = [
        ((a, x, wd, steps[wd], 0), A if wd else B)
        for a in (0.1, 0.2)
        for x in (0.0, 0.5)
        for wd in steps
    ]
    results = from_rows(axes, rows)
    assert phase_diagram(results, panel=DECAY).panels == [0.0, 5.0]
    held = phase_diagram(results, where={"steps": 200})
    assert (held.panel, held.panels, dict(held.fixed)) == (DECAY, [5.0], {"steps": 200})
    assert held.states == [A]


def test_mistaken_axes_are_named():
    axes = {PLANE[0]: [0.1, 0.2], PLANE[1]: [0.0, 0.5], DECAY: [0.0, 1.0], "model.width": [8, 16]}
    results = made(axes, 1, lambda *_: A)

    def message(match: str, *arguments: object, **named: object) -> None:
        with pytest.raises(ValueError, match=match):
            phase_diagram(results, *arguments, **named)  # type: ignore[arg-type]

    message("panel to name .* model.width, and where to hold the others at one value")
    message("x to be one of the axes data.fraction.*; got 'data.fractoin'", "data.fractoin")
    message("y to be one of the axes .*; got 'p'", y="p")
    message("panel to be one of the axes .*; got 'p'", panel="p")
    message("where 'p' to be one of the axes .*; got 'p'", where={"p": 3})
    message(
        "expected x, y and panel to be different axes; got data.fr.*, data.fr", y="data.fraction"
    )
    message("expected a cell with model.width = 12; there are 8, 16", where={"model.width": 12})
    message("where to hold model.width at one value; cells at data.fraction = 0.1", panel=DECAY)
    empty = Results(results.table.slice(0, 0), results.axes)
    with pytest.raises(ValueError, match="expected results with at least one cell, found none"):
        phase_diagram(empty)


def test_two_cells_at_one_place_are_refused():
    """As two sweeps in one folder make, which differ in an option that neither varied."""
    rows = [((0.1, 0.0, 0), A), ((0.2, 0.3, 1), A), ((0.2, 0.3, 1), B)]
    results = from_rows(PLANE, rows)
    several = (
        "expected one cell at .*seed 1; found several that differ in an option that is no axis"
    )
    with pytest.raises(ValueError, match=several):
        phase_diagram(results)
    with pytest.raises(ValueError, match=r"one cell at data.fraction = 0.2.*seed = 1; found 2"):
        results.to_xarray()
    with pytest.raises(ValueError, match=r"expected one cell at data.fraction .*seed 1; found sev"):
        refine(results)


def test_two_conventions_of_the_ipr_are_refused():
    def outcome(fraction: float, *_: object) -> dict[str, object]:
        name = "one-sided" if fraction < 0.15 else "two-sided"
        return {"state": A, "ipr_convention": name}

    with pytest.raises(
        ValueError, match="expected one convention of the IPR in all cells, got one-sided, "
    ):
        phase_diagram(made({PLANE[0]: [0.1, 0.2], PLANE[1]: [0.1, 0.2]}, 1, outcome))


# --- arrays


def test_arrays_have_named_axes():
    results = two_seeds_three_panels()
    arrays = results.to_xarray()
    assert dict(arrays.sizes) == {PLANE[0]: 3, PLANE[1]: 2, DECAY: 3, "seed": 3}
    np.testing.assert_array_equal(arrays[DECAY], [0, 5, 15])
    assert not {"hash", "config", "error"} & set(arrays.variables)
    test = arrays["test_accuracy"]
    place = {PLANE[0]: 0.1, PLANE[1]: 0.4, "seed": 2}
    assert float(test.sel({**place, DECAY: 15.0})) == pytest.approx(0.7)
    assert np.isnan(test.sel({**place, DECAY: 5.0})), "it failed"
    assert np.isnan(test.sel({**place, DECAY: 0.0})), "there is no such cell"
    states = arrays["state"]
    assert [str(states.sel({**place, DECAY: wd}).item()) for wd in (0, 5, 15)] == ["", "failed", B]
    assert int((~np.isnan(test)).sum()) == len(results) - 1
    assert arrays["grok_first_by"].dtype == np.float64, "whole numbers, for the sake of NaN"
    assert bool(np.isnan(arrays["settled"]).all())


def test_arrays_of_text_axes_and_of_nothing():
    results = made({"model.activation": ["square", "relu"]}, 2, lambda name, seed: A)
    assert results.to_xarray()["model.activation"].to_numpy().tolist() == ["relu", "square"]
    table = pa.table({name: pa.array([], pa.string()) for name in ("hash", "status", "config")})
    empty = Results(table, PLANE).to_xarray()
    assert dict(empty.sizes) == {PLANE[0]: 0, PLANE[1]: 0, "seed": 0}


def test_axis_with_an_option_that_is_off():
    table = pa.table({"batch_size": [None, 64], "seed": [0, 0], "train_loss": [1.0, 2.0]})
    arrays = Results(table, ("batch_size",)).to_xarray()
    np.testing.assert_array_equal(arrays["batch_size"], [64, np.nan])
    np.testing.assert_array_equal(arrays["train_loss"].to_numpy()[:, 0], [2, 1])


def test_without_xarray(monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match=r"pip install interp\[xarray\]"):
        two_seeds_three_panels().to_xarray()


# --- refinement


def refined(n: int, rounds: int) -> tuple[Results, list[int]]:
    """Results of a grid of n by n points over [0, 1]² after some rounds; new points of each."""
    base = np.linspace(0, 1, n).tolist()
    places = {(a, x) for a in base for x in base}
    counts = []
    for _ in range(rounds):
        results = from_rows(PLANE, [((*p, 0), by_curve(*p)) for p in sorted(places)])
        new = [tuple(found[axis] for axis in PLANE) for found in refine(results)]
        assert len(new) == len(set(new))
        assert not places & set(new), "a point that is there is not made again"
        places |= set(new)
        counts.append(len(new))
    return from_rows(PLANE, [((*p, 0), by_curve(*p)) for p in sorted(places)]), counts


@pytest.mark.parametrize("rounds", [1, 2, 4])
def test_refinement_finds_the_boundary_at_a_fraction_of_the_cost(rounds):
    """On each line of the base grid the boundary lies in a gap of h/2^k.

    The curve crosses every line of the finest grid at most once, so a round adds at most one
    point a line: the r-th at most twice 2^(r−1) (n − 1) + 1, where the fine grid has its square.
    """
    n = 9
    results, counts = refined(n, rounds)
    h = 1 / (n - 1)
    states = {(r[PLANE[0]], r[PLANE[1]]): r["state"] for r in results.table.to_pylist()}
    crossed = 0
    for along in (0, 1):
        for fixed in np.linspace(0, 1, n):
            line = sorted(place for place in states if place[1 - along] == fixed)
            for low, high in pairwise(line):
                if states[low] != states[high]:
                    crossed += 1
                    assert high[along] - low[along] == pytest.approx(h / 2**rounds, rel=1e-9)
    assert crossed > n
    for r, count in enumerate(counts, start=1):
        assert 0 < count <= 2 * (2 ** (r - 1) * (n - 1) + 1)
    fine = (2**rounds * (n - 1) + 1) ** 2 - n**2
    assert sum(counts) <= 2 * ((2**rounds - 1) * (n - 1) + rounds) < fine


def test_refinement_takes_neighbours_of_the_base_grid_only():
    """In the column of one midpoint the next point is far away; the base says so."""
    base = [0.0, 1.0, 2.0]
    rows = [((x, y, 0), A if y < 2 else B) for x in base for y in base]
    rows += [((0.5, 0.0, 0), A), ((0.5, 2.0, 0), B)]
    found = refine(from_rows(PLANE, rows))
    assert found == [dict(zip(PLANE, (x, 1.5), strict=True)) for x in base]
    # Were 1.0 no value of the base grid, the two would be neighbours.
    other = refine(from_rows(PLANE, rows), base={PLANE[1]: [0.0, 2.0]})
    assert dict(zip(PLANE, (0.5, 1.0), strict=True)) in other


def test_refinement_keeps_panels_apart_and_all_axes():
    axes = {PLANE[0]: [0.1, 0.2], PLANE[1]: [0.0, 0.1], DECAY: [0.0, 5.0]}
    results = made(axes, 2, lambda a, x, wd, seed: B if wd and a == 0.1 else A)
    assert refine(results) == [{PLANE[0]: 0.15, PLANE[1]: x, DECAY: 5.0} for x in (0.0, 0.1)], (
        "only 12 digits: 0.15000000000000002 is no midpoint"
    )


def test_refinement_of_whole_numbers():
    axes = {PLANE[0]: [0.1], "model.width": [10, 12, 15, 16]}
    states = {10: A, 12: B, 15: A, 16: B}
    found = refine(made(axes, 1, lambda a, width, seed: states[width]), y="model.width")
    assert found == [{PLANE[0]: 0.1, "model.width": 11}], "13.5 and 15.5 are no widths"


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([A, A], [A, B], True),
        ([A, B], [A, C], False),
        ([A, A], ["failed", "failed"], False),
        ([A, A], ["budget too short"] * 2, False),
        ([A, A], ["no test set"] * 2, False),
        ([A, A], ["failed", "budget too short"], False),
        ([A, A], ["failed", B], True),
    ],
)
def test_which_pairs_are_refined(left, right, expected):
    rows = [((x, 0.0, s), votes[s]) for x, votes in ((0.0, left), (1.0, right)) for s in (0, 1)]
    assert bool(refine(from_rows(PLANE, rows))) is expected


def test_refinement_says_what_it_cannot_do():
    results = made({"model.activation": ["relu", "square"], PLANE[1]: [0.0, 0.1]}, 1, lambda *_: A)
    with pytest.raises(ValueError, match=r"expected one of the axes model.*; got 'data.fraction'"):
        refine(results)
    with pytest.raises(ValueError, match=r"expected an axis of numbers, got model.activation"):
        refine(results, x="model.activation")
    zipped = from_rows(PLANE, [((v, v, 0), A) for v in (0.1, 0.2)])
    with pytest.raises(
        ValueError, match=r"expected points that differ in data.fraction or data.corr"
    ):
        refine(zipped)
    with pytest.raises(ValueError, match="expected results with at least one cell, found none"):
        refine(Results(results.table.slice(0, 0), PLANE))


# --- figures


@pytest.fixture(scope="module")
def diagram() -> PhaseDiagram:
    return phase_diagram(two_seeds_three_panels())


def cells_of(figure, state: str):
    return [t for t in figure.data if t.type == "scatter" and t.fill and t.name == state]


def test_figure_has_a_cell_a_point_and_nothing_between(diagram):
    figure = figures.phase_diagram(diagram)
    for state in diagram.states:
        corners = sum(len(trace.x) for trace in cells_of(figure, state))
        assert corners == 6 * sum(p.state == state for p in diagram.points), "5 corners and a gap"
        assert {t.fillcolor for t in cells_of(figure, state)} == {STATE_COLOUR[state]}
    square = next(t for t in cells_of(figure, B) if t.xaxis == "x")
    np.testing.assert_allclose(square.x[:5], [-0.1, -0.1, 0.3, 0.3, -0.1], atol=1e-6)
    np.testing.assert_allclose(square.y[:5], [0.2, 0.6, 0.6, 0.2, 0.2], atol=1e-6)
    assert square.x.dtype == np.float32


def test_figure_says_what_it_shows(diagram):
    figure = figures.phase_diagram(diagram)
    assert [t.name for t in figure.data if t.showlegend is not False] == [A, B]
    titles = [annotation.text for annotation in figure.layout.annotations]
    assert titles == ["weight_decay = 0", "weight_decay = 5", "weight_decay = 15"]
    assert figure.layout.xaxis.title.text == "data fraction α"
    assert figure.layout.yaxis.title.text == "corruption ξ"
    caption = figure.layout.title.subtitle.text
    for words in ("2 to 3 seeds", "test ≥ 0.90", "train < 1.05 − ξ", DECAY):
        assert words in caption


def test_dissent_is_seen_and_told(diagram):
    figure = figures.phase_diagram(diagram)
    marks = [t for t in figure.data if t.type == "scatter" and t.mode == "markers"]
    seen = [
        (x, y, colour)
        for t in marks
        for x, y, colour, alpha in zip(t.x, t.y, t.marker.color, t.marker.opacity, strict=True)
        if alpha > 0
    ]
    places = [(round(float(x), 3), round(float(y), 3), colour) for x, y, colour in seen]
    wanted = [(0.1, 0.4, "failed"), (0.9, 0.0, C), (0.9, 0.4, C)]
    assert places == [(x, y, STATE_COLOUR[state]) for x, y, state in wanted]
    text = next(words for t in marks for words in t.text if "failed" in words)
    assert f"data fraction α = 0.1, corruption ξ = 0.4<br>{DECAY} = 5<br>" in text
    assert "3 seeds: 2 memorization, 1 failed" in text
    assert "test accuracy 0.550 (0.500 to 0.600)" in text
    assert "corrupted" not in text.replace("corruption", ""), "no seed has one"


ONE = ["1 seed: 1 coexistence", "train accuracy 1.000", "test accuracy 0.500", "mean IPR 0.000"]
TWO = [
    "2 seeds: 2 coexistence",
    "train accuracy 1.000 (1.000 to 1.000)",
    "test accuracy 0.550 (0.500 to 0.600)",
    "mean IPR 0.050 (0.000 to 0.100)",
]


@pytest.mark.parametrize("lines", [ONE, TWO], ids=["one", "two"])
def test_of_one_seed_no_range_is_told(lines):
    """And of two there is one, in words for several; the same in every figure of the plane."""
    count = 1 + (lines is TWO)
    rows = [((0.5, 0.2, seed), scored(A, 0.5 + 0.1 * seed, seed)) for seed in range(count)]
    plane = phase_diagram(from_rows(PLANE, rows))
    text = "<br>".join([f"<b>{A}</b>", "data fraction α = 0.5, corruption ξ = 0.2", *lines])
    assert list(figures.phase_diagram(plane).data[-1].text) == [text]
    assert np.array(figures.dense_phase_diagram(plane).data[-1].text).tolist() == [[text]]
    maps = [trace for trace in figures.phase_scores(plane).data if (trace.z == trace.z).any()]
    assert [np.array(trace.customdata).tolist() for trace in maps] == [[[text]]] * 3


def test_a_click_in_the_legend_takes_all_of_a_thing(diagram):
    """The entry of a state is in one group with its cells, that of the line with its intervals."""
    figure = figures.phase_diagram(diagram, critical(two_seeds_three_panels()))
    grouped = [trace for trace in figure.data if trace.legendgroup]
    entries = [(t.legendgroup, t.name) for t in grouped if t.showlegend is not False]
    assert entries == [(name, name) for name in (A, B, "critical value")]
    for state in (A, B):
        drawn = [t for t in grouped if t.type == "scatter" and t.fillcolor == STATE_COLOUR[state]]
        # Cells without corruption, or of much data, are inside: the rest of the two columns.
        assert len(drawn) == 3, "a trace a panel"
        assert {t.legendgroup for t in drawn} == {state}
    assert sum(t.legendgroup == "critical value" for t in grouped) == 3 * 3
    assert {t.fill for t in figure.data if not t.legendgroup} == {None}, "hover marks alone"


def test_a_tie_has_two_dots_and_its_own_grey():
    results = from_rows(PLANE, [((0.1, 0.0, s), state) for s, state in enumerate((A, B))])
    figure = figures.phase_diagram(phase_diagram(results))
    (tie,) = cells_of(figure, "tied")
    assert tie.fillpattern.shape
    assert tie.fillcolor not in (STATE_COLOUR[A], STATE_COLOUR[B])
    marks = figure.data[-1]
    assert list(marks.marker.color) == [STATE_COLOUR[A], STATE_COLOUR[B]]
    np.testing.assert_array_equal(marks.marker.opacity, [1, 1])


def test_refined_points_are_smaller_squares_on_top():
    results, _ = refined(9, 2)
    figure = figures.phase_diagram(phase_diagram(results))
    filled = [t for t in figure.data if t.type == "scatter" and t.fill]
    widths = [float(t.x[2] - t.x[0]) for t in filled]
    np.testing.assert_allclose(sorted(set(np.round(widths, 6))), [1 / 32, 1 / 16, 1 / 8])
    assert widths == sorted(widths, reverse=True), "later traces lie on top"
    corners = sum(len(t.x) for t in filled)
    assert corners == 6 * len(results)


def test_depth_of_uneven_grids():
    uneven = [0.0, 0.1, 0.5]
    rows = [((x, 0.1 * i, 0), A) for x in uneven for i in range(4)]
    x, _ = scales(phase_diagram(from_rows(PLANE, [*rows, ((0.3, 0.0, 0), A), ((0.2, 0.0, 0), A)])))
    assert x.base == tuple(uneven)
    np.testing.assert_allclose(x.edges, [-0.05, 0.05, 0.3, 0.7])
    assert [x.depth(value) for value in (0.1, 0.3, 0.2, 0.4)] == [0, 1, 2, 2]


def test_many_panels_are_wrapped_and_text_has_places():
    axes = {"model.activation": ["square", "relu"], PLANE[1]: [0.0], "seed_of_data": range(7)}
    results = made(axes, 1, lambda *_: A)
    figure = figures.phase_diagram(phase_diagram(results, x="model.activation"))
    assert list(figure.layout.xaxis.ticktext) == ["relu", "square"]
    assert figure.layout.xaxis.title.text is None
    assert sum(k.startswith("yaxis") for k in figure.layout.to_plotly_json()) == 8, "two rows of 4"


def test_scores_are_means_and_not_smoothed(diagram):
    figure = figures.phase_scores(diagram)
    maps = [t for t in figure.data if t.type == "heatmap"]
    assert len(maps) == 4 * 3
    assert {t.zsmooth for t in maps} == {False}
    test = maps[3 + 2]
    assert test.z.dtype == np.float32
    np.testing.assert_allclose(test.z, np.full((2, 3), 0.6), rtol=1e-6)
    assert np.isnan(maps[6].z).all(), "no cell has a corrupted accuracy"
    bars = [figure.layout[f"coloraxis{i or ''}"].colorbar for i in (1, 2, 3, 4)]
    assert len({round(bar.y, 3) for bar in bars}) == 4, "a colour bar a quantity"
    assert "one-sided DFT, constant included" in figure.layout.title.subtitle.text
    assert figure.layout.yaxis.title.text == "train accuracy<br>corruption ξ"


def test_scores_of_refined_points_lie_on_top():
    def outcome(fraction: float, corruption: float, *_: object) -> dict[str, object]:
        return scored(by_curve(fraction, corruption), corruption, 1)

    results, counts = refined(9, 1)
    places = [(r[PLANE[0]], r[PLANE[1]]) for r in results.table.to_pylist()]
    full = from_rows(PLANE, [((*p, 0), outcome(*p)) for p in places])
    figure = figures.phase_scores(phase_diagram(full))
    squares = [t for t in figure.data if t.type == "scatter"]
    assert [len(t.x) for t in squares] == [counts[0]] * 3
    np.testing.assert_allclose(squares[1].marker.color, squares[1].y, atol=1e-6)
    # Through a half-transparent one the colour of another point would shine.
    assert [square.marker.opacity for square in squares] == [1] * 3


def test_every_state_has_a_colour_of_its_own():
    assert list(STATE_COLOUR) == list(POINT_STATES)
    assert len(set(STATE_COLOUR.values())) == len(POINT_STATES)
