"""The explorer in a real browser: click paths, links, live runs, broken ones, many cells."""

from __future__ import annotations

import csv
import json
import logging
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from werkzeug.serving import make_server

from interp.analysis.ablation.at_threshold import scores_at
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.read import neuron_table
from interp.explorer.app import make_app
from interp.explorer.readings import DRAWS
from interp.training.data.splits import SPLITS
from interp.training.trainer.loop import train
from interp.words.sentences import number
from tests.browser import (
    CHROMIUM,
    NO_CHROMIUM,
    click_figure,
    foreign_requests,
    opened_page,
    settle,
)
from tests.conftest import tiny_config
from tests.curves import curves_of
from tests.test_explorer import AXES, config, write_sweep
from tests.test_figure_layout import COLLISIONS

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)]

SOON = 15_000  # milliseconds


def served(folder) -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, make_app(folder).server, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    changes = {"task": {"p": 13}, "model": {"width": 40}, "steps": 300}
    return train(tiny_config(**changes), tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, run):
    """A run, a broken one, one without a checkpoint, and a sweep whose cells have run folders."""
    root = tmp_path_factory.mktemp("explored")
    shutil.copytree(run.path, root / "small")
    for name, changes in (
        ("decayed", {"optimizer.weight_decay": 9.0}),
        ("reseeded", {"seed": 1}),
    ):
        train(run.config.replace(changes), root / name)
    shutil.copytree(run.path, root / "torn")
    (root / "torn" / "config.json").write_text("{")
    shutil.copytree(run.path, root / "begun")
    for name in ("checkpoints", "DONE"):
        target = root / "begun" / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    (root / "begun" / "checkpoints").mkdir()
    (root / "begun" / "metrics.jsonl").write_text("")
    shutil.copytree(run.path.parent, root.parent / "outside", dirs_exist_ok=True)

    def outcome(fraction, corruption, seed):
        state = "coexistence" if fraction > 0.4 else "memorization"
        return {"state": state, "phase": state, "config": json.dumps(config(corruption))}

    write_sweep(root / "map", AXES, outcome, seeds=2)
    for seed in range(2):
        shutil.copytree(run.path, root / "map" / "runs" / f"0.5,0.2,{seed}")
    return root


@pytest.fixture(scope="module")
def address(folder):
    yield from served(folder)


@pytest.fixture()
def page(browser, address):
    with opened_page(browser, viewport={"width": 1400, "height": 900}) as page:
        page.set_default_timeout(SOON)
        yield page
        assert page.problems == []
        assert foreign_requests(page, address) == []


def has_text(page, selector: str, text: str) -> None:
    """Waits until an element holds a text."""
    page.wait_for_function(
        "([s, t]) => [...document.querySelectorAll(s)].some(e => e.textContent.includes(t))",
        arg=[selector, text],
        timeout=SOON,
    )


def has_url(page, text: str) -> None:
    page.wait_for_function("t => location.search.includes(t)", arg=text, timeout=SOON)


def clicked_at(page, figure: str, x: float, y: float) -> None:
    """Clicks the first figure under a selector at a place of its axes."""
    page.wait_for_function(
        "s => document.querySelector(s + ' .js-plotly-plot')?.data?.length > 0", arg=figure
    )
    settle(page, f"{figure} .js-plotly-plot")
    click_figure(page, f"{figure} .js-plotly-plot", x, y)


def figure_of(kind: str, run: str) -> str:
    """Selector of a figure in a run's panel; ids of patterns are JSON."""
    return f"[id='{json.dumps({'kind': kind, 'run': run}, separators=(',', ':'))}']"


def shown_scores(page) -> dict[str, list[str]]:
    found = {}
    for row in page.locator(".panel tbody tr").all():
        found[row.locator("th").inner_text()] = row.locator("td").all_inner_texts()
    return found


def expected_scores(run, step: int, threshold: float, draws: int = DRAWS) -> dict[str, list[str]]:
    table = neuron_table(run, step)
    found = scores_at(pruning_curve(run, draws=draws, table=table, losses=False), table, threshold)
    return {
        split: [
            number(found.before[split]),
            number(found.after[split]),
            number(found.mean[split]),
            f"{number(found.low[split])} – {number(found.high[split])}",
        ]
        for split in SPLITS
    }


def test_from_a_cell_of_the_diagram_to_a_run_to_a_neuron(page, address, run):
    page.goto(address)
    clicked_at(page, "#diagram", 0.5, 0.2)
    has_text(page, "#cell-runs", "seed 1: coexistence")
    name = "map/runs/0.5,0.2,0"
    has_text(page, ".panel h3", "α 0.5 · ξ 0.2 · seed 0")
    has_text(page, ".counts", f"Step {run.last_step}")
    table = neuron_table(run)
    clicked_at(page, figure_of("spectra", name), 3, 11)
    order = np.lexsort((np.arange(40), table.frequency, table.dead))
    neuron = int(order[11])
    title = f"Neuron {neuron} of α 0.5 · ξ 0.2 · seed 0"
    has_text(page, f"{figure_of('one-neuron', name)} .gtitle", title)
    has_url(page, f"neuron={neuron}")
    has_url(page, f"run={quote(name, safe='')}")
    page.locator("#cell-runs button", has_text="seed 1").click()
    has_text(page, ".panel .caption", "map/runs/0.5,0.2,1")
    page.go_back()
    has_text(page, ".panel .caption", name)


def test_a_link_opens_the_view_and_shows_what_python_computes(page, address, run):
    step = run.steps[-2]
    page.goto(f"{address}?run=small&step={step}&threshold=0.22&neuron=9")
    has_text(page, ".counts", f"Step {step}:")
    has_text(page, ".panel .caption", f"control: {DRAWS} random prunings")
    table = neuron_table(run, step)
    kept = int((table.ipr >= 0.22).sum())
    assert f"{kept} kept · {40 - kept} pruned" in page.locator(".counts").inner_text()
    assert shown_scores(page) == expected_scores(run, step, 0.22)
    has_text(page, f"{figure_of('one-neuron', 'small')} .gtitle", "Neuron 9 of small")
    page.wait_for_function(
        "s => document.querySelector(s + ' .js-plotly-plot')?._fullData?.length > 1",
        arg=figure_of("histogram", "small"),
    )
    bars = page.evaluate(
        "s => document.querySelector(s + ' .js-plotly-plot')._fullData"
        ".filter(t => t.type === 'bar').map(t => Array.from(t.y)).flat()",
        figure_of("histogram", "small"),
    )
    assert sum(bars) == 40
    has_url(page, f"step={step}")
    has_url(page, "threshold=0.22")


def test_sliders_move_the_numbers_to_those_of_python(page, address, run):
    page.goto(f"{address}?run=small&threshold=0.3")
    has_text(page, ".counts", f"Step {run.last_step}:")
    sliders = page.locator(".panel [role=slider]")
    threshold, step = sliders.first, sliders.nth(1)
    threshold.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    has_text(page, ".counts", "IPR 0.297")
    step.focus()
    page.keyboard.press("ArrowLeft")
    earlier = run.steps[-2]
    has_text(page, ".counts", f"Step {earlier}:")
    has_text(page, ".panel .caption", f"control: {DRAWS} random prunings")
    assert shown_scores(page) == expected_scores(run, earlier, 0.297)
    has_url(page, f"step={earlier}")


def test_a_threshold_that_moves_before_the_curves_are_drawn(page, address, run):
    """The answer that brings the figure comes too late, and is dropped by the page."""
    held, moved = [], []

    def hold_until_it_moves(route) -> None:
        asked = route.request.post_data_json
        if '"kind":"position"' in asked["output"]:
            if any('"threshold"' in name for name in asked["changedPropIds"]):
                moved.append(route)
            if not moved:
                held.append(route)
                return
        route.continue_()

    page.route("**/_dash-update-component?*", hold_until_it_moves)
    page.goto(f"{address}?run=small&threshold=0.3")
    has_text(page, ".counts", f"Step {run.last_step}:")
    has_text(page, ".counts", "IPR 0.3 (value)")  # the slider may be there before its value is
    assert held
    page.locator(".panel [role=slider]").first.focus()
    page.keyboard.press("ArrowLeft")
    has_text(page, ".counts", "IPR 0.299")
    page.wait_for_function(
        "s => document.querySelector(s + ' .js-plotly-plot')?.data?.length > 0",
        arg=figure_of("position", "small"),
    )
    assert moved


def test_a_bar_of_the_histogram_lists_its_neurons(page, address, run):
    page.goto(f"{address}?run=small")
    has_text(page, ".counts", "kept")
    table = neuron_table(run)
    counts, edges = np.histogram(table.ipr, np.linspace(0, 1, 51))
    fullest = int(counts.argmax())
    clicked_at(page, figure_of("histogram", "small"), edges[fullest] + 0.01, counts[fullest] / 2)
    inside = np.flatnonzero(np.minimum((table.ipr * 50).astype(int), 49) == fullest)
    has_text(page, ".panel .bar", f"{len(inside)} neurons in this bar")
    page.locator(".panel .bar button").last.click()
    has_text(page, f"{figure_of('one-neuron', 'small')} .gtitle", f"Neuron {inside[-1]} of")


def has_names(page, figure: str, names: list[str]) -> None:
    """Waits until the legend of a figure begins with some names."""
    page.wait_for_function(
        "([s, names]) => { const found = (document.querySelector(s + ' .js-plotly-plot')"
        "?._fullData ?? []).filter(t => t.showlegend).map(t => t.name);"
        " return names.every((name, i) => found[i] === name); }",
        arg=[figure, names],
        timeout=SOON,
    )


def test_runs_are_compared_in_one_column(page, address, run):
    """Three runs: overlays as wide as the page, named by what differs; one panel, by choice."""
    page.goto(address)
    page.wait_for_selector(".ag-row")
    for name in ("small", "decayed", "reseeded"):
        page.locator(f'.ag-row[row-id="{name}"] input[type=checkbox]').check()
        has_text(page, ".panel h3", name)
    has_text(page, "#differences", "optimizer.weight_decay")
    for kind in ("training", "ipr", "pruning", "spectrum"):
        has_names(page, f"#overlay-{kind}", ["wd 0 (2 seeds)", "wd 9 (1 seed)"])
    assert page.locator("#overlay-ipr").bounding_box()["width"] > 1300
    own = run.measurement().scores["test"].accuracy
    has_text(page, "#overlay-table tr", "test accuracy")
    has_text(page, "#overlay-table", "of a single run there is no interval and no test")
    assert number(own) in page.locator("#overlay-table").inner_text()
    choose = page.locator("#own input")
    assert page.locator("#own label").all_inner_texts() == [
        "wd 0 · seed 0", "wd 9 · seed 0", "wd 0 · seed 1"
    ]  # fmt: skip
    shown = page.locator(".panel:not([hidden]) h3")
    assert shown.all_inner_texts() == ["small"]
    choose.nth(1).check()
    page.wait_for_function("document.querySelector('.panel:not([hidden]) h3').textContent === "
                           "'decayed'")  # fmt: skip
    assert page.locator(".panel").count() == 3
    width = page.locator(figure_of("training", "decayed")).bounding_box()["width"]
    page.wait_for_function(
        "([s, w]) => Math.abs(document.querySelector(s + ' .js-plotly-plot')._fullLayout.width - w)"
        " < 2",
        arg=[figure_of("training", "decayed"), width],
    )
    assert width > 1200
    page.locator('.ag-row[row-id="decayed"] input[type=checkbox]').uncheck()
    page.wait_for_function("document.querySelectorAll('.panel').length === 2")
    has_names(page, "#overlay-ipr", ["2 seeds"])
    page.locator('.ag-row[row-id="reseeded"] input[type=checkbox]').uncheck()
    page.wait_for_function("document.querySelectorAll('.panel').length === 1")
    page.wait_for_function("document.getElementById('overlay').hidden")
    assert page.locator(".panel:not([hidden]) h3").inner_text() == "small"


def test_copies_of_a_run_are_not_compared(page, address):
    """Two folders of one training: nothing differs, and the page says so."""
    page.goto(f"{address}?run=small&run={quote('map/runs/0.5,0.2,1', safe='')}")
    has_text(page, "#differences", "same configuration")
    words = "Not drawn: ipr_histogram: expected each once, got 'small' and '0.5,0.2,1'"
    has_text(page, "#overlay-ipr-words", words)
    has_text(page, "#overlay-table", "Not compared: expected each once")
    assert page.locator("#own label").all_inner_texts() == ["small", "α 0.5 · ξ 0.2 · seed 1"]


@pytest.mark.parametrize("width", [390, 700, 1400])
def test_overlays_fit_every_width(browser, address, width):
    with opened_page(browser, viewport={"width": width, "height": 900}) as page:
        page.set_default_timeout(SOON)
        page.goto(f"{address}?run=small&run=decayed&run=reseeded")
        for kind in ("training", "ipr", "pruning", "spectrum"):
            has_names(page, f"#overlay-{kind}", ["wd 0 (2 seeds)", "wd 9 (1 seed)"])
        settle(page, "#overlay .js-plotly-plot")
        found = {kind: page.evaluate(COLLISIONS, f"overlay-{kind}")
                 for kind in ("training", "ipr", "pruning", "spectrum")}  # fmt: skip
        assert {kind: words for kind, words in found.items() if words} == {}
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert page.problems == []


def test_the_filter_of_the_table_is_in_the_link(page, address):
    model = {"status": {"filterType": "text", "type": "contains", "filter": "broken"}}
    page.goto(f"{address}?filter={quote(json.dumps(model))}")
    page.wait_for_selector('.ag-row[row-id="torn"]')
    page.wait_for_function("document.querySelectorAll('.ag-row').length === 1")
    assert page.locator('.ag-row[row-id="torn"]').is_visible()


def test_broken_runs_say_why_and_break_nothing(page, address):
    page.goto(f"{address}?run=torn&run=begun&run=small")
    has_text(page, ".panel .problem", "not a JSON configuration; truncated or altered")
    has_text(page, ".panel", "No checkpoint yet")
    has_text(page, ".counts", "kept")
    has_text(page, "#summary", "1 broken")
    row = page.locator('.ag-row[row-id="torn"]')
    assert "broken: config.json: not a JSON" in row.inner_text()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?run=../outside/small", "expected a name in this folder, got '../outside/small'"),
        ("?run=%2Fetc", "expected a name in this folder, got '/etc'"),
        ("?run=nothing", "there is no 'nothing' in this folder"),
        ("?run=small&step=77777", "no checkpoint at step 77777"),
        ("?run=small&neuron=400", "neuron: expected 0 to 39, got 400"),
        ("?run=map/runs/0.3,0.0,0", "kept the scores only"),
    ],
)
def test_a_link_to_what_is_not_there_is_refused(page, address, query, words):
    page.goto(address + query)
    has_text(page, ".panel .problem", words)


def test_a_link_that_cannot_be_read_says_so(page, address):
    page.goto(f"{address}?run=small&step=soon&sweep=none")
    has_text(page, "#message", "step: 'soon' in the address is not as expected")
    has_text(page, "#message", "there is no 'none' in this folder")
    has_text(page, ".counts", "kept")


def test_a_run_appears_and_grows_while_the_page_is_open(browser, tmp_path, run):
    """The run's files are put there bit by bit, as a training process does."""
    for address in served(tmp_path):
        with opened_page(browser, viewport={"width": 1200, "height": 900}) as page:
            page.goto(address)
            has_text(page, "#summary", "Nothing here yet")
            live = tmp_path / "live"
            shutil.copytree(run.path, tmp_path / ".live")
            (tmp_path / ".live" / "DONE").unlink()
            later = [tmp_path / ".live" / "checkpoints" / f"step-{s:06d}" for s in run.steps[2:]]
            for checkpoint in later:
                shutil.move(checkpoint, tmp_path / f".{checkpoint.name}")
            lines = (run.path / "metrics.jsonl").read_text().splitlines(keepends=True)
            (tmp_path / ".live" / "metrics.jsonl").write_text("".join(lines[:4]))
            (tmp_path / ".live").rename(live)
            page.wait_for_selector('.ag-row[row-id="live"]', timeout=SOON)
            has_text(page, '.ag-row[row-id="live"]', "training")
            page.locator('.ag-row[row-id="live"] input[type=checkbox]').check()
            has_text(page, ".counts", f"Step {run.steps[1]}:")
            (live / "metrics.jsonl").write_text("".join(lines))
            for checkpoint in later:
                (tmp_path / f".{checkpoint.name}").rename(live / "checkpoints" / checkpoint.name)
            (live / "DONE").write_text("{}")
            has_text(page, ".counts", f"Step {run.last_step}:")
            has_text(page, '.ag-row[row-id="live"]', "done")
            page.wait_for_function(
                "([s, n]) => document.querySelector(s + ' .js-plotly-plot')"
                "?._fullData?.[0]?.x?.length === n",
                arg=[figure_of("training", "live"), len(run.measurements) - 1],
                timeout=SOON,
            )
            assert page.problems == []


def test_ten_thousand_cells(browser, tmp_path):
    fractions = [round(0.1 + 0.008 * i, 4) for i in range(100)]
    corruptions = [round(0.009 * i, 4) for i in range(100)]
    text = json.dumps(config(0.3))

    def outcome(fraction, corruption, seed):
        state = "memorization" if fraction < 0.4 else "coexistence"
        return {"state": state, "phase": state, "test_accuracy": fraction, "config": text}

    write_sweep(tmp_path, {"data.fraction": fractions, "data.corruption": corruptions}, outcome)
    for address in served(tmp_path):
        with opened_page(browser, viewport={"width": 1200, "height": 900}) as page:
            page.goto(address)
            has_text(page, "#summary", "10,000 runs")
            page.wait_for_selector(".ag-row")
            clicked_at(page, "#diagram", fractions[70], corruptions[20])
            name = f"runs/{fractions[70]},{corruptions[20]},0"
            has_text(page, ".panel h3", name)
            has_text(page, ".panel .problem", "kept the scores only")
            assert page.locator("#diagram svg *").count() < 2000
            assert page.problems == []


@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_is_wider_than_the_screen(browser, address, width):
    with opened_page(browser, viewport={"width": width, "height": 900}) as page:
        page.goto(f"{address}?run=small")
        has_text(page, ".counts", "kept")
        settle(page, "body, .panel, .js-plotly-plot")
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0


def choose_measure(page, name: str) -> None:
    page.locator(".measure .dash-dropdown[id*='\"measure\"']").click()
    page.locator(".dash-dropdown-option", has_text=f"{name}: ").click()


def test_a_measure_is_drawn_at_the_checkpoint_of_the_slider(page, address, run):
    page.goto(f"{address}?run=small")
    has_text(page, ".counts", f"Step {run.last_step}:")
    assert page.locator(".measured *").count() == 0
    choose_measure(page, "embeddings")
    has_text(page, ".measured .caption", f"seed 0 · step {run.last_step}")
    has_text(page, ".measured .caption", "Source: Doshi et al. 2024 (arXiv 2310.13061), figure 7")
    assert page.locator(".measured .main-svg").count() > 0
    page.locator(".panel [role=slider]").nth(1).focus()
    page.keyboard.press("ArrowLeft")
    earlier = run.steps[-2]
    has_text(page, ".measured .caption", f"seed 0 · step {earlier}")
    power = np.abs(np.fft.rfft(curves_of(run.network(earlier)), axis=-1)) ** 2
    shares = power / power.sum(axis=-1, keepdims=True)
    expected = f"{(shares**2).sum(axis=-1)[2].mean():.4g}"
    assert page.locator(".measured tr", has_text="answer W").locator("td").inner_text() == expected
    with page.expect_download() as download:
        page.locator(".measured .saving summary").click()
        page.locator(".measured [data-save=csv]").click()
    assert download.value.suggested_filename == "small-measure-embeddings.csv"
    assert "trace" in Path(download.value.path()).read_text().splitlines()[0]
    choose_measure(page, "weights")
    has_text(page, ".measured .caption", "appendix E")
    assert page.locator(".measured .main-svg").count() > 0


def test_heads_are_whole_and_of_one_casing_and_rows_say_their_setting(page, address):
    page.set_viewport_size({"width": 2600, "height": 900})
    page.goto(address)
    page.wait_for_selector('.ag-row[row-id="map/runs/0.5,0.2,1"]')
    heads = page.locator(".ag-header-cell-text")
    words = heads.all_inner_texts()
    assert {"run", "corrupted accuracy", "data fraction α", "weight decay"} <= set(words)
    assert [word for word in words if word[:1].isupper() and word not in ("N, neurons",)] == []
    cut = "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"
    assert heads.evaluate_all(cut) == []
    row = page.locator('.ag-row[row-id="map/runs/0.5,0.2,1"]')
    assert row.locator("[col-id=label]").inner_text() == "α 0.5 · ξ 0.2 · seed 1"
    assert row.locator("[col-id=train]").inner_text() == "", "nothing was measured"


def test_a_rules_button_sets_its_threshold(page, address, run):
    page.goto(f"{address}?run=small&threshold=0.3")
    has_text(page, ".counts", "IPR 0.3 (value)")
    page.locator(".with-rules button", has_text="null").click()
    cut = classify(neuron_table(run), "null").threshold
    has_text(page, ".counts", f"IPR {cut!r} (null: 99.9% quantile of Gaussian noise)")
    has_url(page, f"threshold={cut!r}")


def test_a_figure_of_the_explorer_can_be_saved(page, address, run):
    page.goto(f"{address}?run=small")
    has_text(page, f"{figure_of('training', 'small')} .gtitle", "Training of small")
    menu = page.locator(f"{figure_of('training', 'small')} + .saving")
    menu.locator("summary").click()
    with page.expect_download() as download:
        menu.locator("[data-save=csv]").click()
    assert download.value.suggested_filename == "small-training.csv"
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    first = [float(r["y"]) for r in rows if (r["trace"], r["y_axis"]) == ("test", "accuracy")]
    known = [m.scores["test"].accuracy for m in run.measurements if m.step > 0]
    np.testing.assert_allclose(first, known, rtol=1e-6)
    with page.expect_download() as download:
        menu.locator("[data-save=column]").click()
    assert download.value.suggested_filename == "small-training-3.4in.svg"
    svg = Path(download.value.path()).read_text()
    assert float(re.search(r'width="([\d.]+)in"', svg)[1]) == pytest.approx(3.4, abs=0.01)
    assert "Training of" not in svg


def test_every_figure_that_is_seen_can_be_saved(page, address, run):
    page.goto(f"{address}?run=small")
    has_text(page, ".counts", f"Step {run.last_step}:")
    settle(page, ".js-plotly-plot")
    seen = page.locator(".dash-graph:visible").count()
    assert page.locator(".dash-graph:visible + .saving:visible").count() == seen >= 6
    assert page.locator(".saving:visible").count() == seen, "none without its figure"


def test_on_a_phone_the_bar_is_low_and_no_title_is_cut(browser, address):
    with opened_page(browser, viewport={"width": 390, "height": 844}) as page:
        page.goto(f"{address}?run=map%2Fruns%2F0.5%2C0.2%2C0")
        has_text(page, ".counts", "kept")
        for kind in ("histogram", "position", "training", "one-neuron", "spectra"):
            chosen = figure_of(kind, "map/runs/0.5,0.2,0")
            page.wait_for_function(
                "s => document.querySelector(s + ' .js-plotly-plot')?.data?.length > 0", arg=chosen
            )
        settle(page, ".js-plotly-plot")
        page.evaluate("document.querySelector('.panel').scrollIntoView()")
        bar = page.locator(".sliders").bounding_box()
        assert bar["height"] <= 56
        assert bar["y"] + bar["height"] == pytest.approx(844, abs=1)
        found = {}
        for kind in ("histogram", "position", "training", "one-neuron", "spectra"):
            chosen = figure_of(kind, "map/runs/0.5,0.2,0")
            found[kind] = page.evaluate(COLLISIONS.replace(
                "document.getElementById(id)", "document.querySelector(id)"
            ), f"{chosen} .js-plotly-plot")  # fmt: skip
        assert not any(found.values()), found
        assert page.problems == []
