"""Figures: traces, titles and data, not pixels; and the report in a real browser."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from analysis.classify import classify
from analysis.curves import pruning_curve
from analysis.dynamics import dynamics
from analysis.embedding import embedding_table
from analysis.neurons import neuron_table
from analysis.pruning import prune_by_class
from interp import figures
from interp.html_report import report
from tests.test_neurons import mixed_network
from training.data import SPLITS, make_dataset

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def drawn(tiny_run):
    """Every figure of a small run, by name."""
    table = neuron_table(tiny_run)
    classes = classify(table, float(np.median(table.ipr)))
    curves = pruning_curve(tiny_run, draws=4)
    return {
        "training": figures.training_curves(tiny_run),
        "histogram": figures.ipr_histogram(table, classes),
        "plain histogram": figures.ipr_histogram(table),
        "neuron": figures.neuron_curves(table, 2),
        "heatmap": figures.spectra_heatmap(table, classes),
        "embedding": figures.embedding_spectrum(embedding_table(tiny_run)),
        "pruning": figures.pruning_curves(curves, pruned=3),
        "pruning loss": figures.pruning_curves(curves, "loss"),
        "dynamics": figures.ipr_dynamics(dynamics(tiny_run), classes),
        "plain dynamics": figures.ipr_dynamics(dynamics(tiny_run)),
    }


def test_every_figure_is_labelled(drawn):
    for name, figure in drawn.items():
        layout = figure.to_plotly_json()["layout"]
        assert layout["title"]["text"], name
        assert "seed 0" in layout["title"]["subtitle"]["text"], name
        titles = [v.get("title", {}).get("text") for k, v in layout.items() if k[1:5] == "axis"]
        assert sum(bool(title) for title in titles) >= 2, name
        assert len(figure.data) <= 40, f"{name}: neurons must not be a trace each"


def test_histogram_counts_every_living_neuron():
    network, _ = mixed_network(60, 40, dead=5)
    table = neuron_table(network)
    classes = classify(table)
    figure = figures.ipr_histogram(table, classes)
    bars = {trace.name: int(np.sum(trace.y)) for trace in figure.data if trace.type == "bar"}
    assert bars == {"memorizing (40)": 40, "generalizing (60)": 60}
    assert "one-sided DFT, constant included" in figure.layout.xaxis.title.text
    assert "5 dead not shown" in figure.layout.yaxis.title.text
    null = next(trace for trace in figure.data if trace.type == "scatter")
    assert np.sum(null.y) / 2 == pytest.approx(100, rel=1e-6), "noise, scaled to the living neurons"


def test_training_curves_show_the_measurements(drawn, tiny_run):
    traces = {t.name: t for t in drawn["training"].data if t.showlegend}
    assert set(traces) == set(SPLITS)
    expected = [m.scores["corrupted"].accuracy for m in tiny_run.measurements if m.step > 0]
    np.testing.assert_allclose(traces["corrupted"].y, expected, rtol=1e-6)


def test_heatmap_rows_are_sorted_by_class(tiny_run):
    table = neuron_table(tiny_run)
    classes = classify(table, float(np.median(table.ipr)))
    trace = figures.spectra_heatmap(table, classes).data[0]
    order = np.asarray(trace.customdata)[:, 0]
    assert sorted(order.tolist()) == list(range(16))
    assert classes.generalizing[order[:8]].all()
    np.testing.assert_allclose(np.asarray(trace.z).sum(axis=1), 1, rtol=1e-5)


def test_neuron_wave_is_its_component(tiny_run):
    """The dotted wave is the least-squares fit of that frequency."""
    table = neuron_table(tiny_run)
    figure = figures.neuron_curves(table, 2)
    wave = next(t for t in figure.data if (t.name or "").startswith("its component"))
    angle = 2 * np.pi * table.frequency[2] * np.arange(11) / 11
    basis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, table.curves[0, 2], rcond=None)
    np.testing.assert_allclose(wave.y, basis @ fit, atol=1e-6)


def test_pruning_figure_has_both_directions_and_the_band(drawn):
    figure = drawn["pruning"]
    names = {trace.name for trace in figure.data}
    assert {"test", "corrupted", "test, by weight norm", "test, random (5–95 %)"} <= names
    panels = {trace.xaxis for trace in figure.data if trace.name == "test"}
    assert panels == {"x", "x2"}


def test_saved_figure_needs_no_network(drawn, tmp_path):
    figures.save(drawn["embedding"], tmp_path / "figure.html")
    html = (tmp_path / "figure.html").read_text()
    assert "cdn.plot.ly" not in html.replace('"plotlyServerURL":"https://cdn.plot.ly"', "")[:2000]
    assert "src=" not in html[: html.index("<script")]


def test_report_of_a_multiplication_run(tmp_path):
    """The multiplicative basis, and a name that is not fit for HTML as it is."""
    from tests.conftest import tiny_config
    from training.loop import train

    run = train(tiny_config(task={"p": 11, "operation": "x*y"}), tmp_path / "<b>times</b>")
    path = report(run, threshold=float(np.median(neuron_table(run).ipr)), draws=2)
    html = path.read_text()
    assert "multiplicative characters" in html
    assert "<b>times</b>" not in html.replace("\\u003cb\\u003e", "")[-20_000:]


@pytest.fixture(scope="module")
def report_file(tiny_run, tmp_path_factory) -> Path:
    threshold = float(np.median(neuron_table(tiny_run).ipr))
    out = tmp_path_factory.mktemp("report") / "report.html"
    return report(tiny_run, out, threshold=threshold, draws=4)


def test_report_holds_the_table_of_the_api(report_file, tiny_run):
    table = neuron_table(tiny_run)
    result = prune_by_class(tiny_run, table, classify(table, float(np.median(table.ipr))), draws=4)
    html = report_file.read_text()
    for split in SPLITS:
        before, after = result.before[split].accuracy, result.after[split].accuracy
        assert f"<td>{split}</td><td>{before:.3f}</td><td>{after:.3f}</td>" in html


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
@pytest.mark.parametrize("width", [400, 1100])
def test_report_opens_in_a_browser(report_file, width):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": width, "height": 900})
        problems: list[str] = []
        requests: list[str] = []
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(report_file.as_uri())
        page.wait_for_selector("#figure-memorizing .main-svg")
        figures_drawn = page.locator(".js-plotly-plot .main-svg").count()
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        browser.close()
    assert not problems
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [
        report_file.as_uri()
    ]
    assert figures_drawn >= 8
    assert overflow <= 0, "nothing is wider than the screen"


def test_a_run_in_memory_needs_a_file_name():
    from tests.conftest import tiny_config
    from training.loop import train

    with pytest.raises(ValueError, match="kept in memory needs a file name"):
        report(train(tiny_config(steps=2)))


def test_pruned_dataset_of_another_task_still_draws(tmp_path):
    """A network without a run: the histogram and the pruning curve need no folder."""
    network, _ = mixed_network(6, 6)
    curves = pruning_curve(network, make_dataset(network.task, 0.5), draws=2)
    assert len(figures.pruning_curves(curves).data) > 10
    figures.save(figures.ipr_histogram(neuron_table(network)), tmp_path / "h.html")


def test_report_where_the_threshold_leaves_one_class(tiny_run, tmp_path):
    html = report(tiny_run, tmp_path / "r.html", threshold=0.999, draws=2).read_text()
    assert "No pruning: every neuron&#x27;s IPR is below the threshold 0.999 (fixed)." in html
    assert "Before and after" not in html
