"""Clicks on cells and bars in a real browser, in report and explorer, against the weights."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from interp.analysis.memorization.pair_table import pair_table
from interp.analysis.memorization.pair_votes import pair_votes
from interp.analysis.neurons.read import neuron_table
from interp.reporting.report import report
from interp.training.trainer.loop import train
from tests.browser import (
    CHROMIUM,
    NO_CHROMIUM,
    click_figure,
    foreign_requests,
    opened_page,
    settle,
)
from tests.conftest import tiny_config
from tests.pair_truth import margins_by_neuron
from tests.test_explorer_browser import figure_of, has_text, served
from tests.test_figure_layout import COLLISIONS
from tests.test_report_browser import DRAWN, open_report

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM),
    pytest.mark.filterwarnings("ignore::interp.analysis.neurons.classify.NotBimodalWarning"),
]

P, WIDTH, THRESHOLD = 13, 40, 0.25
ROUNDING = 1e-6  # of float32, at logits of about 1
ENDS = 15  # neurons that are shown on either side


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """With wrong labels that are memorized, corrected and neither."""
    model = {"width": WIDTH, "activation": "square"}
    config = tiny_config(task={"p": P}, model=model, steps=200, optimizer={"lr": 0.01})
    return train(config, tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture(scope="module")
def truth(run):
    return margins_by_neuron(run.network().double(), run.dataset)


@pytest.fixture(scope="module")
def wrong(run):
    """Operands of a pair with a wrong label in training, not the one that is shown at first."""
    return tuple(run.dataset.pairs[np.flatnonzero(run.dataset.is_wrong)[-1]].tolist())


@pytest.fixture(scope="module")
def file(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "report.html"
    return report(run, out, THRESHOLD, draws=2, mechanism=False)


@pytest.fixture()
def page(file, browser):
    with opened_page(browser, viewport={"width": 1200, "height": 900}) as page:
        open_report(page, file)
        yield page
        assert page.problems == []
        assert foreign_requests(page, file.as_uri()) == []


BARS = """s => document.querySelector(s)._fullData
    .filter(t => t.type === 'bar' && t.visible === true)
    .flatMap(t => Array.from(t.y, (y, i) => [Number(y), t.x[i], t.name, t.customdata[i][1]]))"""
CELLS = "s => document.querySelector(s)._fullData[0].z.map(row => Array.from(row))"


def expected_bars(each) -> dict[int, float]:
    order = np.argsort(-each, kind="stable")
    return {int(k): each[k] for k in (*order[:ENDS], *order[-ENDS:])}


def expected_cells(truth, neuron: int) -> np.ndarray:
    return np.array([[truth[x, y][0][neuron] for x in range(P)] for y in range(P)])


def clicked(page, figure: str, x: float, y: float) -> None:
    click_figure(page, f"#{figure}", x, y)
    page.evaluate(DRAWN)


def shown_bars(page, selector: str) -> dict[int, float]:
    return {int(neuron): vote for neuron, vote, _, _ in page.evaluate(BARS, selector)}


def check_bars(found: dict[int, float], each: np.ndarray) -> None:
    expected = expected_bars(each)
    assert found.keys() == expected.keys()
    np.testing.assert_allclose([found[k] for k in expected], [*expected.values()], atol=ROUNDING)


def facts(page, place: str = "pair-facts") -> dict[str, str]:
    names, values = (page.locator(f"#{place} {tag}").all_inner_texts() for tag in ("dt", "dd"))
    return dict(zip(names, values, strict=True))


def a_test_pair(run) -> tuple[int, int]:
    return tuple(run.dataset.pairs[np.flatnonzero(~run.dataset.is_train)[3]].tolist())


@pytest.mark.parametrize("which", ["wrong", "test"])
def test_a_click_on_a_cell_shows_the_votes_of_its_neurons(page, run, truth, wrong, which):
    pair = wrong if which == "wrong" else a_test_pair(run)
    clicked(page, "figure-pairs", *pair)
    each, ahead, behind = truth[pair]
    check_bars(shown_bars(page, "#figure-pair-votes"), each)
    table = neuron_table(run)
    for neuron, _, name, ipr in page.evaluate(BARS, "#figure-pair-votes"):
        assert (name in ("generalizing", "high IPR")) == (table.ipr[neuron] >= THRESHOLD)
        assert ipr == f"{table.ipr[neuron]:.3f}"
    told = page.locator("#pair-votes-words").inner_text()
    over = f"the given {ahead} over the true {behind}"
    assert (over if which == "wrong" else f"{ahead}, its label, over {behind}") in told
    assert page.locator("#pair-x").input_value() == str(pair[0])
    row = pair_table(run).to_pandas().query(f"x == {pair[0]} and y == {pair[1]}").iloc[0]
    found = facts(page)
    assert found["split"].startswith(row.split)
    assert found["true, given label"] == f"{row.true}, {row.given}"
    assert found["answer"].startswith(f"{row.answered} (")
    assert found["margin of the label"].replace("−", "-") == f"{row.margin:.3f}"
    assert found["pruned network answers"] == f"{row.pruned}"
    assert page.url.endswith(f"&pair={pair[0]},{pair[1]}")


def test_a_click_on_a_bar_shows_the_cells_of_the_neuron(page, truth, wrong):
    clicked(page, "figure-pairs", *wrong)
    each = truth[wrong][0]
    fourth = int(np.argsort(-each, kind="stable")[3])
    clicked(page, "figure-pair-votes", each[fourth] / 2, 2 * ENDS - 1 - 3)
    assert page.evaluate("report.view.neuron") == fourth
    expected = expected_cells(truth, fourth)
    np.testing.assert_allclose(page.evaluate(CELLS, "#figure-cells"), expected, atol=ROUNDING)
    assert page.locator("#cells-heading").inner_text() == f"The cells of neuron {fourth}"
    y, x = np.unravel_index(expected.argmax(), expected.shape)
    first = page.locator("#cells-for button").first
    assert first.inner_text().startswith(f"({x}, {y}) ")
    first.click()
    page.evaluate(DRAWN)
    check_bars(shown_bars(page, "#figure-pair-votes"), truth[int(x), int(y)][0])
    clicked(page, "figure-cells", *wrong)
    check_bars(shown_bars(page, "#figure-pair-votes"), each)


def test_the_neuron_of_the_page_is_that_of_the_cells(page, run, truth):
    page.locator("#neuron").fill("7")
    page.locator("#neuron").press("Enter")
    page.evaluate(DRAWN)
    expected = expected_cells(truth, 7)
    np.testing.assert_allclose(page.evaluate(CELLS, "#figure-cells"), expected, atol=ROUNDING)
    wrong = run.dataset.is_wrong
    mean = np.mean([truth[x, y][0][7] for x, y in run.dataset.pairs[wrong].tolist()])
    told = facts(page, "cells-facts")["mean, wrong labels"].replace("−", "-")
    assert float(told) == pytest.approx(mean, rel=0.06)


def test_every_colour_is_that_of_the_table(page, run):
    table = pair_table(run)
    frame = table.to_pandas()
    places = {
        "split": frame.split.map({"clean": 0, "corrupted": 1, "test": 2}),
        "margin": frame.margin,
        "answer": frame.answered.astype(float),
        "step learned": frame.learned.map({s: i for i, s in enumerate([*run.steps, np.inf])}),
        "outcome": np.select([frame.memorized, frame.corrected, frame.right], [1, 2, 0], 3),
    }
    names = page.locator("#pair-colour option").all_inner_texts()
    assert sorted(names) == sorted(places)
    for name in names:
        page.locator("#pair-colour").select_option(name)
        page.evaluate(DRAWN)
        grid = np.array(page.evaluate(CELLS, "#figure-pairs"), dtype=float)
        np.testing.assert_allclose(grid[frame.y, frame.x], places[name], rtol=1e-6)
        told = page.locator("#pair-colour-words").inner_text()
        assert told.endswith(".")


def test_operands_are_typed_and_links_restore_the_pair(page, file, truth):
    page.locator("#pair-x").fill("4")
    page.locator("#pair-y").fill("9")
    page.locator("#pair-y").press("Tab")
    page.evaluate(DRAWN)
    check_bars(shown_bars(page, "#figure-pair-votes"), truth[4, 9][0])
    page.locator("#pair-x").fill("77")
    page.locator("#pair-x").press("Tab")
    assert page.locator("#pair-x").input_value() == "4"
    link = page.url.partition("#")[2]
    open_report(page, file, f"#{link}")
    assert page.locator("#pair-y").input_value() == "9"
    open_report(page, file, "#pair=99,99")
    first = pair_place(page)
    open_report(page, file, "#pair=lots")
    assert pair_place(page) == first


def pair_place(page) -> list[str]:
    return [page.locator(f"#pair-{one}").input_value() for one in "xy"]


PARTS = ("figure-pairs", "figure-pair-votes", "figure-cells")
# Rectangles of what stands in a section, from top to bottom of each column.
OVERLAPS = """selector => {
    const boxes = [...document.querySelectorAll(selector)]
        .filter(one => one.offsetParent && one.textContent.trim())
        .map(one => [one.id || one.textContent.slice(0, 30), one.getBoundingClientRect()]);
    const found = [];
    boxes.forEach(([name, a], i) => boxes.slice(0, i).forEach(([other, b]) => {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 1 && high > 1) found.push(name + ' | ' + other);
    }));
    return found;
}"""


@pytest.mark.parametrize("width", [390, 700, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_of_the_report_is_cut_or_overlaps(file, browser, width, scheme):
    with opened_page(
        browser, viewport={"width": width, "height": 900}, color_scheme=scheme
    ) as page:
        open_report(page, file)
        for name in page.locator("#pair-colour option").all_inner_texts():
            page.locator("#pair-colour").select_option(name)
            settle(page, ".js-plotly-plot")
            found = [words for part in PARTS for words in page.evaluate(COLLISIONS, part)]
            assert found == []
        inside = "[aria-labelledby=heading-pairs] .cells > div > :is(p, h3, dl, .picker, .figure)"
        assert page.evaluate(OVERLAPS, inside) == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        square = page.evaluate(
            "['xaxis', 'yaxis'].map(a => "
            "document.getElementById('figure-pairs')._fullLayout[a]._length)"
        )
        assert square[0] == pytest.approx(square[1], abs=1)
        assert square[0] >= min(width, 600) * 0.7
        assert page.problems == []


NETWORKS = {
    "three layers": ({"width": 20, "depth": 3}, True),
    "a ReLU": ({"width": 20, "activation": "relu", "bias": True}, True),
    "a smooth unit": ({"width": 20, "activation": "gelu_tanh"}, True),
    "another smooth unit": ({"width": 20, "activation": "silu"}, True),
    "an exact smooth unit": ({"width": 20, "activation": "gelu"}, True),
    "a Transformer": ({"kind": "transformer", "d_model": 16, "n_heads": 2, "d_mlp": 24}, True),
    "attention only": ({"kind": "transformer", "d_model": 16, "n_heads": 2, "d_mlp": 0}, False),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_kind_of_network_shows_what_it_has(kind, browser, tmp_path):
    model, has_neurons = NETWORKS[kind]
    run = train(tiny_config(model=model), tmp_path / "run")
    path = report(run, threshold=0.3, draws=2, mechanism=False)
    with opened_page(browser, viewport={"width": 1000, "height": 900}) as page:
        open_report(page, path)
        assert page.locator("#figure-pair-votes:visible").count() == has_neurons
        clicked(page, "figure-pairs", 3, 4)
        assert pair_place(page) == ["3", "4"]
        if has_neurons:
            found = pair_votes(run.checkpoint())
            at = int(np.flatnonzero((run.dataset.pairs == [3, 4]).all(axis=1))[0])
            step = np.abs(found.each).max() / 32767 + ROUNDING
            each = {int(k): v for k, v in enumerate(found.each[at])}
            for neuron, vote in shown_bars(page, "#figure-pair-votes").items():
                assert vote == pytest.approx(each[neuron], abs=float(step))
        assert page.problems == []


# --- the explorer


@pytest.fixture(scope="module")
def address(run, tmp_path_factory):
    root = tmp_path_factory.mktemp("explored")
    shutil.copytree(run.path, root / "small")
    yield from served(root)


def plot(kind: str) -> str:
    return f"{figure_of(kind, 'small')} .js-plotly-plot"


def choose(page, name: str) -> None:
    """From the list of colours, in the middle of the window, where there is room for it."""
    colours = page.locator(figure_of("pair-colour", "small"))
    colours.wait_for()
    colours.evaluate("one => one.scrollIntoView({block: 'center', behavior: 'instant'})")
    colours.click()
    page.get_by_role("option", name=name, exact=True).click()


def coloured(page, address: str, name: str, query: str = "") -> None:
    """Opens the run and chooses a colour."""
    page.goto(f"{address}?run=small&neuron=2{query}")
    choose(page, name)
    for kind in ("pairs", "pair-bars", "cells"):
        page.wait_for_function("s => document.querySelector(s)?.data?.length > 0", arg=plot(kind))
    settle(page, ".js-plotly-plot")


@pytest.mark.parametrize("back", [1, 2])
def test_the_explorer_links_cells_and_neurons(address, browser, run, back):
    step = run.steps[-back]
    truth = margins_by_neuron(run.network(step).double(), run.dataset)
    with opened_page(browser, viewport={"width": 1400, "height": 900}) as page:
        page.set_default_timeout(30_000)
        coloured(page, address, "outcome", f"&step={step}")
        click_figure(page, plot("pairs"), 9, 5)
        has_text(page, figure_of("pair-facts", "small"), "(9, 5)")
        has_text(page, plot("pair-bars"), f"logits for {truth[9, 5][1]} over {truth[9, 5][2]}")
        settle(page, ".js-plotly-plot")
        each = truth[9, 5][0]
        check_bars(shown_bars(page, plot("pair-bars")), each)
        third = int(np.argsort(-each, kind="stable")[2])
        click_figure(page, plot("pair-bars"), each[third] / 2, 2 * ENDS - 1 - 2)
        has_text(page, figure_of("cells-words", "small"), f"The cells of neuron {third}:")
        settle(page, ".js-plotly-plot")
        grid = page.evaluate(CELLS, plot("cells"))
        np.testing.assert_allclose(grid, expected_cells(truth, third), atol=ROUNDING)
        click_figure(page, plot("cells"), 1, 12)
        has_text(page, figure_of("pair-facts", "small"), "(1, 12)")
        frame = (
            "s => { const t = document.querySelector(s)._fullData[1]; return [t.x[0], t.y[0]]; }"
        )
        page.wait_for_function(f"s => ({frame})(s)[0] === 1", arg=plot("pairs"))
        assert page.evaluate(frame, plot("pairs")) == [1, 12]
        assert page.problems == []


@pytest.mark.parametrize("width", [390, 700, 1400])
def test_nothing_of_the_explorer_is_cut_or_overlaps(address, browser, width):
    with opened_page(browser, viewport={"width": width, "height": 900}) as page:
        page.set_default_timeout(30_000)
        coloured(page, address, "step learned")
        for kind in ("pairs", "pair-bars", "cells"):
            selector = json.dumps(figure_of(kind, "small"))
            page.evaluate(f"document.querySelector({selector} + ' .js-plotly-plot').id = '{kind}'")
            assert page.evaluate(COLLISIONS, kind) == []
        assert page.evaluate(OVERLAPS, ".cells > div") == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert page.problems == []


def test_a_run_without_neurons_in_the_explorer(browser, tmp_path):
    model = {"kind": "transformer", "d_model": 16, "n_heads": 2, "d_mlp": 0}
    train(tiny_config(model=model), tmp_path / "small")
    for address in served(tmp_path):
        with opened_page(browser, viewport={"width": 1000, "height": 900}) as page:
            page.goto(f"{address}?run=small")
            choose(page, "split")
            has_text(page, figure_of("pairs-words", "small"), "network has no neurons.")
            page.wait_for_function(
                "s => document.querySelector(s)?.data?.length > 0", arg=plot("pairs")
            )
            settle(page, ".js-plotly-plot")
            click_figure(page, plot("pairs"), 3, 4)
            has_text(page, figure_of("pair-facts", "small"), "(3, 4)")
            assert page.problems == []
