"""The report in a real browser: what it shows is what Python computes for the same choice."""

from __future__ import annotations

import csv
import io
import warnings
from pathlib import Path

import numpy as np
import pytest

from interp.analysis.ablation.at_threshold import scores_at
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.fourier.spectrum import power_shares
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.embedding import embedding_table
from interp.analysis.neurons.read import neuron_table
from interp.analysis.trajectory.ipr_history import dynamics
from interp.analysis.trajectory.pruning_history import checkpoint_curves
from interp.reporting.report import report
from interp.training.data.splits import SPLITS
from interp.training.trainer.loop import train
from interp.words.flat import flat_spectrum
from interp.words.sentences import number
from tests.browser import CHROMIUM, NO_CHROMIUM, click_figure, foreign_requests, opened_page
from tests.conftest import tiny_config
from tests.curves import curves_of

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)]

THRESHOLD, DRAWS = 0.25, 6


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Enough neurons and steps that pruning changes every split."""
    config = tiny_config(
        task={"p": 13}, model={"width": 40}, steps=400, optimizer={"lr": 0.01, "weight_decay": 0.1}
    )
    return train(config, tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture(scope="module")
def file(run, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("report") / "report.html"
    return report(run, out, threshold=THRESHOLD, draws=DRAWS)


@pytest.fixture(scope="module")
def page(file, browser):
    with opened_page(
        browser, viewport={"width": 1200, "height": 900}, accept_downloads=True
    ) as page:
        open_report(page, file)
        yield page
        assert page.problems == []
        assert foreign_requests(page, file.as_uri()) == []


def open_report(page, file: Path, view: str = "") -> None:
    page.goto("about:blank")
    page.goto(file.as_uri() + view)
    page.wait_for_selector("html[data-ready=true]")


# Timers and frames run in the order in which they were asked for, however slow the machine:
# after these, the page has drawn what it draws in the next frame and what it draws 120 ms later.
DRAWN = """() => new Promise((done) =>
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 300))))"""


def choose(page, step: int | None = None, threshold: float | None = None) -> None:
    """Moves the sliders as a reader does."""
    if step is not None:
        place = page.evaluate("step => report.view.neurons.steps.indexOf(step)", step)
        page.locator("#step").fill(str(place))
    if threshold is not None:
        page.locator("#threshold").fill(str(threshold))
    page.evaluate(DRAWN)


def shown_scores(page) -> dict[str, list[str]]:
    rows = page.locator("#before-after tbody tr")
    return {
        rows.nth(i).get_attribute("data-split"): rows.nth(i).locator("td").all_inner_texts()
        for i in range(rows.count())
    }


@pytest.mark.parametrize("threshold", [0.15, 0.3, 0.62, 0.99])
def test_the_threshold_slider_shows_what_python_computes(page, run, threshold):
    choose(page, run.last_step, threshold)
    table = neuron_table(run)
    found = scores_at(pruning_curve(run, draws=DRAWS, losses=False), table, threshold)
    assert page.locator("#kept").inner_text() == str(found.kept)
    assert page.locator("#pruned").inner_text() == str(found.pruned)
    for split, cells in shown_scores(page).items():
        band = f"{number(found.low[split])} – {number(found.high[split])}"
        expected = [found.before[split], found.after[split], found.mean[split]]
        assert cells[:4] == [*map(number, expected), band]


def test_different_thresholds_show_different_numbers(page, run):
    choose(page, run.last_step, 0.15)
    first = shown_scores(page)
    choose(page, run.last_step, 0.62)
    assert shown_scores(page) != first


def test_the_checkpoint_slider_shows_what_python_computes(page, run):
    step = run.steps[-2]
    choose(page, step, 0.2)
    table = neuron_table(run, step)
    kept = int((table.ipr >= 0.2).sum())
    assert page.locator("#step-words").inner_text() == f"step {step} of {run.last_step}"
    assert page.locator("#kept").inner_text() == str(kept)
    curves = checkpoint_curves([(run.checkpoint(step), table)], threshold=THRESHOLD)
    beside = int(np.abs(curves.sizes[0] - (40 - kept)).argmin())
    for which, split in enumerate(SPLITS):
        cells = shown_scores(page)[split]
        assert cells[1] == number(curves.accuracy[0, which, 40 - kept])
        assert cells[2] == number(curves.mean[0, which, beside])
    words = page.locator("#scores-words").inner_text()
    assert f"{curves.draws} random prunings of {curves.sizes[0, beside]} neurons (seed 0)" in words
    assert page.locator("#band-words").inner_text() == "range of 4 draws"


def test_the_control_has_the_size_of_what_the_report_prunes(page, run):
    """At every checkpoint with curves, also where the grid of the control has no such size."""
    grid = np.unique(np.linspace(0, 40, 26).round())
    missed = 0
    for step in run.steps:
        choose(page, step, THRESHOLD)
        pruned = int(page.locator("#pruned").inner_text())
        words = page.locator("#scores-words").inner_text()
        assert f" random prunings of {pruned} neurons (seed 0)" in words
        missed += pruned not in grid
    assert missed, "the grid alone would have been enough"


def test_the_histogram_holds_the_neurons_of_the_checkpoint(page, run):
    step = run.steps[-3]
    choose(page, step, 0.3)
    table = neuron_table(run, step)
    counts, _ = np.histogram(table.ipr[~table.dead], np.linspace(0, 1, 51))
    bars = page.evaluate(
        "document.getElementById('figure-ipr').data.filter(t => t.type == 'bar').map(t => t.y)"
    )
    np.testing.assert_array_equal(np.sum(bars, axis=0), counts)
    below = (table.ipr < 0.3).sum()
    assert sum(bars[0]) == below


def test_the_auto_button_finds_the_two_class_cut(page, run):
    step = run.steps[-2]
    choose(page, step, 0.9)
    page.locator("#automatic").click()
    cut = two_class_threshold(run, step)
    assert page.evaluate("report.view.threshold") == pytest.approx(cut, abs=1e-12)


def two_class_threshold(run, step: int) -> float:
    """By trying every cut."""
    values = np.sort(neuron_table(run, step).ipr)
    inside = [np.var(values[:i]) * i + np.var(values[i:]) * (40 - i) for i in range(1, 40)]
    best = int(np.argmin(inside)) + 1
    return float((values[best - 1] + values[best]) / 2)


def clicked_at(page, figure: str, x: float, y: float) -> None:
    """Clicks a figure, and waits for what follows."""
    click_figure(page, f"#{figure}", x, y)
    page.evaluate(DRAWN)


def test_a_click_on_a_row_of_the_heat_map_shows_that_neuron(page, run):
    choose(page, run.last_step, 0.3)
    table = neuron_table(run)
    kind = np.where(table.dead, 2, np.where(table.ipr >= 0.3, 0, 1))
    order = np.lexsort((np.arange(40), table.frequency, kind))
    clicked_at(page, "figure-spectra", 3, 17)
    neuron = int(order[17])
    words = page.locator("#neuron-words").inner_text()
    assert words.startswith(f"Neuron {neuron} at step {run.last_step}: ")
    assert f"IPR {table.ipr[neuron]:.3f}" in words
    assert f"frequency {table.frequency[neuron]}" in words
    phases = [
        float(one.replace("−", "-")) for one in words.split("c = ")[1].split(" rad")[0].split(", ")
    ]
    np.testing.assert_allclose(phases, table.phases[:, neuron], atol=0.0051)


def test_a_click_on_a_bar_lists_its_neurons(page, run):
    choose(page, run.last_step, 0.3)
    table = neuron_table(run)
    counts, edges = np.histogram(table.ipr, np.linspace(0, 1, 51))
    fullest = int(counts.argmax())
    clicked_at(page, "figure-ipr", edges[fullest] + 0.01, counts[fullest] / 2)
    inside = np.flatnonzero(np.minimum((table.ipr * 50).astype(int), 49) == fullest)
    assert page.locator("#in-bar button").all_inner_texts() == [str(i) for i in inside]
    page.locator("#in-bar button").last.click()
    page.evaluate(DRAWN)
    assert page.locator("#neuron-words").inner_text().startswith(f"Neuron {inside[-1]} at step")


@pytest.mark.parametrize("back", [0, 2])
def test_curves_spectra_and_history_of_a_neuron(page, run, back):
    step = run.steps[-1 - back]
    choose(page, step)
    page.locator("#neuron").fill("5")
    page.locator("#neuron").press("Enter")
    page.evaluate(DRAWN)
    table = neuron_table(run, step)
    traces = page.evaluate("document.getElementById('figure-neuron').data.map(t => t.y)")
    for curve in range(3):
        weights, _, shares = traces[3 * curve : 3 * curve + 3]
        values = table.ordered[curve, 5]
        top = np.abs(values).max() / (32767 if back == 0 else 127)
        np.testing.assert_allclose(weights, values, atol=0.51 * top)
        rounding = 0.001 if back == 0 else 0.02
        np.testing.assert_allclose(
            shares, power_shares(table.coefficients[curve, 5]), atol=rounding
        )
    history = page.evaluate("document.getElementById('figure-history').data.at(-1).y")
    np.testing.assert_allclose(history, dynamics(run).ipr[1:, 5], atol=1e-12)
    assert page.locator("#neuron-note").inner_text().startswith(f"Curves of step {step}")


def test_the_component_drawn_is_the_neurons_own(page, run):
    """An independent way to one frequency's part: projection on its cosine and sine."""
    choose(page, run.last_step)
    table = neuron_table(run)
    traces = page.evaluate("document.getElementById('figure-neuron').data.map(t => t.y)")
    neuron = int(page.locator("#neuron").input_value())
    angle = 2 * np.pi * table.frequency[neuron] * np.arange(13) / 13
    basis = np.stack([np.cos(angle), np.sin(angle)])
    values = table.ordered[0, neuron]
    expected = (basis @ values * 2 / 13) @ basis
    np.testing.assert_allclose(traces[1], expected, atol=np.abs(values).max() * 1e-3)


def test_the_table_sorts_and_downloads(page, run):
    choose(page, run.last_step, 0.3)
    table = neuron_table(run)
    page.locator("#neurons thead button", has_text="weight norm").click()
    first = page.locator("#neurons tbody tr").first.get_attribute("data-neuron")
    assert int(first) == int(table.norm.argmax())
    page.locator("#neurons thead button", has_text="weight norm").click()
    first = page.locator("#neurons tbody tr").first
    assert int(first.get_attribute("data-neuron")) == int(table.norm.argmin())
    first.click()
    page.evaluate(DRAWN)
    words = page.locator("#neuron-words").inner_text()
    assert words.startswith(f"Neuron {int(table.norm.argmin())} at step")
    with page.expect_download() as download:
        page.locator("#csv").click()
    assert download.value.suggested_filename == f"small-step-{run.last_step}-neurons.csv"
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    np.testing.assert_allclose([float(row["ipr"]) for row in rows], table.ipr, rtol=1e-12)
    classes = classify(table, 0.3)
    assert [row["class"] for row in rows] == classes.names


def test_the_link_restores_the_view(page, file, run):
    step = run.steps[-4]
    open_report(page, file, f"#step={step}&threshold=0.375&neuron=11")
    table = neuron_table(run, step)
    assert page.locator("#kept").inner_text() == str(int((table.ipr >= 0.375).sum()))
    assert page.locator("#neuron-words").inner_text().startswith(f"Neuron 11 at step {step}")
    choose(page, run.last_step, 0.5)
    assert page.url.endswith(f"#step={run.last_step}&threshold=0.5&neuron=11")
    open_report(page, file, "#step=7777&threshold=lots&neuron=-3")  # nothing of this exists
    assert page.locator("#step-words").inner_text().startswith(f"step {run.last_step} ")
    assert page.locator("#threshold-number").input_value() == f"{THRESHOLD:.3f}"


def test_the_keyboard_moves_everything(page, file):
    open_report(page, file)
    page.locator("#threshold").focus()
    page.keyboard.press("ArrowRight")
    page.evaluate(DRAWN)
    assert page.locator("#threshold-number").input_value() == f"{THRESHOLD + 0.001:.3f}"
    for place in ("threshold-number", "automatic", "null", "step"):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == place
    before = page.locator("#step-words").inner_text()
    page.keyboard.press("ArrowLeft")
    page.evaluate(DRAWN)
    assert page.locator("#step-words").inner_text() != before
    page.locator('#neurons tbody tr[tabindex="0"]').focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.evaluate(DRAWN)
    neuron = page.evaluate("document.activeElement.dataset.neuron")
    assert page.locator("#neuron-words").inner_text().startswith(f"Neuron {neuron} ")


def test_a_number_outside_its_range_is_put_back(page, file):
    open_report(page, file)
    page.locator("#threshold-number").fill("7")
    page.locator("#threshold-number").press("Tab")
    assert page.locator("#threshold-number").input_value() == f"{THRESHOLD:.3f}"
    page.locator("#neuron").fill("400")
    page.locator("#neuron").press("Tab")
    assert page.evaluate("report.view.neuron") < 40


@pytest.mark.parametrize("width", [390, 700, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_drawn_at_every_width_light_and_dark(file, browser, width, scheme):
    with opened_page(
        browser, viewport={"width": width, "height": 900}, color_scheme=scheme
    ) as page:
        open_report(page, file)
        figures = page.locator(".figure .main-svg").count()
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        paper = page.evaluate("document.getElementById('figure-ipr')._fullLayout.paper_bgcolor")
        page.locator("#theme").click()
        after = page.evaluate("getComputedStyle(document.body).backgroundColor")
        problems = page.problems
    white = "rgb(255, 255, 255)"
    assert (background == white) == (scheme == "light") == (paper == "white")
    assert (after == white) == (scheme == "dark")
    assert figures >= 9
    assert overflow <= 0, "nothing is wider than the screen"
    assert problems == []


def test_figures_follow_the_width_of_the_window(file, browser):
    """And keep their height: nothing is drawn over what follows."""
    with opened_page(browser, viewport={"width": 1300, "height": 900}) as page:
        open_report(page, file)
        for width in (1000, 420):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_function(
                "[...document.querySelectorAll('.js-plotly-plot')].every(e =>"
                " Math.abs(e.offsetWidth - e._fullLayout.width) <= 1)"
            )
            sizes = page.evaluate(
                "[...document.querySelectorAll('.js-plotly-plot')].map(e =>"
                " [e.offsetHeight, e._fullLayout.height, e.offsetWidth, e._fullLayout.width])"
            )
            assert len(sizes) >= 9
            for tall, drawn_tall, wide, drawn_wide in sizes:
                assert tall == drawn_tall >= 300
                assert abs(wide - drawn_wide) <= 1
                assert wide < width


def test_it_is_printed_light_and_as_wide_as_paper(file, browser):
    shape = "[...document.querySelectorAll('.js-plotly-plot')].map(e => e._fullLayout.width)"
    theme = "document.documentElement.dataset.theme"
    viewport = {"width": 1300, "height": 900}
    with opened_page(browser, viewport=viewport, color_scheme="dark") as page:
        open_report(page, file)
        before = page.evaluate(shape)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        printed = page.evaluate(shape)
        assert page.evaluate(theme) == "light"
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.evaluate(shape) == before
        assert page.evaluate(theme) == "dark"
    assert max(before) > 1000
    assert max(printed) <= 720  # a sheet of A4 has 794 pixels, less its margins


KINDS = {
    "a batch norm": {"width": 24, "norm": "batch"},
    "three layers": {"width": 20, "depth": 3},
    "a Transformer": {"kind": "transformer", "d_model": 16, "n_heads": 2, "d_mlp": 24},
    "attention only": {"kind": "transformer", "d_model": 16, "n_heads": 2, "d_mlp": 0},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_network_has_a_report(kind, browser, tmp_path):
    run = train(tiny_config(model=KINDS[kind]), tmp_path / "run")
    path = report(run, threshold=0.3, draws=2)
    with opened_page(browser, viewport={"width": 1000, "height": 900}) as page:
        open_report(page, path)
        if kind == "three layers":  # the first checkpoints have no curves
            choose(page, run.steps[0])
            assert page.locator("#scores-note").is_visible()
            assert shown_scores(page)["train"][1] == "–"
        assert page.locator("#norm-section:visible").count() == (kind == "a batch norm")
        if kind == "a batch norm":
            assert page.locator("#figure-norm .main-svg").count() > 0
            shown = page.evaluate("document.getElementById('figure-norm').data.map(t => t.y)")
            expected = np.sort(neuron_table(run).norm_weight)
            np.testing.assert_allclose(np.sort(np.concatenate(shown)), expected, rtol=1e-6)
        assert page.locator("#figure-heads").count() == ("kind" in KINDS[kind])
        assert page.locator("#neurons").count() == (kind != "attention only")
        assert page.problems == []
        assert foreign_requests(page, path.as_uri()) == []


@pytest.mark.parametrize("width", [390, 700, 1400])
def test_measures_are_drawn_beside_their_values(run, browser, tmp_path, width):
    wanted = ["embeddings", "pruning", "stages", "norms"]
    path = report(run, tmp_path / "r.html", THRESHOLD, DRAWS, measures=wanted)
    with opened_page(browser, viewport={"width": width, "height": 900}) as page:
        open_report(page, path)
        assert [page.locator(f"#figure-measure-{i} .main-svg").count() > 0 for i in range(4)] == [
            True, True, True, False,
        ]  # fmt: skip
        bars = page.evaluate(
            "document.getElementById('figure-measure-0')._fullData.map(t => [...t.y])"
        )
        power = np.abs(np.fft.rfft(curves_of(run.network()), axis=-1)) ** 2
        expected = power.sum(axis=1) / power.sum(axis=(1, 2))[:, None]
        np.testing.assert_allclose(bars, expected, rtol=1e-6)
        figure = page.locator("#figure-measure-0").bounding_box()
        beside = page.locator(".measured", has=page.locator("#figure-measure-0"))
        table = beside.locator("table").bounding_box()
        beside = table["x"] >= figure["x"] + figure["width"]
        assert beside == (width > 860)
        assert beside or table["y"] >= figure["y"] + figure["height"]
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert page.problems == []
        assert foreign_requests(page, path.as_uri()) == []


def test_on_a_phone_the_bar_is_low_and_says_what_the_classes_mean(run, browser, tmp_path):
    """By the automatic rule; the IPRs of this run are not two classes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = report(run, tmp_path / "r.html", draws=DRAWS)
        words = classify(neuron_table(run)).words
    with opened_page(browser, viewport={"width": 390, "height": 844}) as page:
        open_report(page, path)
        bar = page.locator(".controls").bounding_box()
        assert bar["height"] <= 56
        assert bar["y"] + bar["height"] == pytest.approx(844, abs=1)
        assert page.locator("#class-note").is_visible() == bool(words.sentence)
        assert page.locator("#class-words").is_visible() is False, "only once it is asked for"
        if words.sentence:
            page.locator("#class-mark").click()
            assert words.sentence in page.locator("#class-words").inner_text()
        assert page.locator("#automatic").get_attribute("aria-pressed") == "true"
        page.locator("#threshold").fill("0.5")
        page.locator('#automatic[aria-pressed="false"]').wait_for()
        assert page.problems == []


def test_the_copied_link_opens_what_is_seen(file, browser, run):
    with opened_page(
        browser, viewport={"width": 1000, "height": 900}, permissions=["clipboard-read"]
    ) as page:
        open_report(page, file)
        choose(page, run.steps[-2], 0.31)
        page.locator("#permalink").click()
        page.wait_for_function("document.getElementById('permalink').textContent === 'copied'")
        link = page.evaluate("navigator.clipboard.readText()")
        kept = page.locator("#kept").inner_text()
        page.goto("about:blank")
        page.goto(link)
        page.wait_for_selector("html[data-ready=true]")
        assert (
            page.locator("#step-words").inner_text() == f"step {run.steps[-2]} of {run.last_step}"
        )
        assert page.locator("#threshold-number").input_value() == "0.310"
        assert page.locator("#kept").inner_text() == kept
        assert page.problems == []


def test_every_figure_can_be_saved_in_every_form(page, file, run):
    open_report(page, file)
    choose(page, run.last_step, 0.3)
    assert page.locator(".saving").count() == page.locator(".js-plotly-plot").count() >= 9
    menu = page.locator("#figure-ipr + .saving")
    menu.locator("summary").click()
    saved = {}
    for kind in ("svg", "png", "column", "columns", "csv"):
        with page.expect_download() as download:
            menu.locator(f"[data-save={kind}]").click()
        saved[download.value.suggested_filename] = Path(download.value.path()).read_bytes()
    names = [f"small-ipr{end}" for end in (".svg", ".png", "-3.4in.svg", "-7in.svg", ".csv")]
    assert list(saved) == names
    assert saved["small-ipr.png"].startswith(b"\x89PNG")
    for inches in (3.4, 7):
        svg = saved[f"small-ipr-{inches:g}in.svg"].decode()
        assert float(svg.split('width="')[1].split("in")[0]) == pytest.approx(inches, abs=0.01)
    rows = list(csv.DictReader(io.StringIO(saved["small-ipr.csv"].decode())))
    bars = [float(row["y"]) for row in rows if "noise" not in row["trace"]]
    assert sum(bars) == 40, "every neuron is in one bar"
    assert {row["x_axis"].partition(" (")[0] for row in rows} == {"IPR of a neuron"}


def test_neurons_are_counted_by_frequency_where_the_spectrum_is_flat(page, file, run):
    open_report(page, file)
    choose(page, run.last_step, 0.3)
    table = neuron_table(run)
    drawn = page.locator("#figure-frequencies").count()
    assert bool(drawn) == bool(flat_spectrum(embedding_table(run)))
    if drawn:
        page.wait_for_timeout(300)
        counts = page.evaluate("[...document.getElementById('figure-frequencies').data[0].y]")
        assert counts == np.bincount(table.frequency[table.ipr >= 0.3], minlength=7).tolist()
