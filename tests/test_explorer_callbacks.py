"""What the explorer answers to clicks, sliders and addresses, asked as its page asks."""

from __future__ import annotations

import json
import shutil
import warnings

import numpy as np
import pytest

from interp import figures
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.read import neuron_table
from interp.explorer.app import make_app
from interp.explorer.page import NOT_YET
from interp.explorer.state import MOST_RUNS
from tests.callbacks import Served
from tests.curves import curves_of
from tests.test_explorer import AXES, config, write_sweep


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_run):
    """A run, one without a checkpoint, and a sweep of two seeds whose runs are there in part."""
    root = tmp_path_factory.mktemp("asked")
    shutil.copytree(tiny_run.path, root / "tiny")
    shutil.copytree(tiny_run.path, root / "other")
    shutil.copytree(tiny_run.path, root / "begun")
    (root / "begun" / "DONE").unlink()
    shutil.rmtree(root / "begun" / "checkpoints")
    (root / "begun" / "checkpoints").mkdir()
    (root / "begun" / "metrics.jsonl").write_text("")

    def outcome(fraction, corruption, seed):
        state = "coexistence" if fraction > 0.4 else "memorization"
        return {"state": state, "phase": state, "config": json.dumps(config(corruption))}

    write_sweep(root / "map", AXES, outcome, seeds=2)
    shutil.copytree(tiny_run.path, root / "map" / "runs" / "0.5,0.2,0")
    return root


@pytest.fixture(scope="module")
def served(folder):
    return Served(make_app(folder))


def text_of(part: object) -> str:
    """The words of a component as the page gets it."""
    if isinstance(part, dict):
        return text_of(part.get("props", {}).get("children"))
    if isinstance(part, list):
        return " ".join(filter(None, map(text_of, part)))
    return "" if part is None else str(part)


# --- addresses


def restored(served, search):
    return served.answer("opened.data", "url.search", {"url.search": search})


def test_the_first_page_shows_the_first_sweep_and_no_run(served):
    found = restored(served, "")
    assert (found["sweep.value"], found["opened.data"], found["cell.data"]) == ("map", [], None)
    assert text_of(found["message.children"]) == ""


def test_a_link_opens_its_view(served):
    query = (
        "?sweep=map&x=data.corruption&y=data.fraction&cell=[null,0.5,0.2]&filter={}"
        "&run=tiny&step=10&threshold=0.4&neuron=3&run=other"
    )
    found = restored(served, query)
    assert [found[f"{axis}.value"] for axis in ("x", "y", "panel")] == [
        "data.corruption",
        "data.fraction",
        None,
    ]
    assert found["cell.data"] == [None, 0.5, 0.2]
    assert found["opened.data"] == [
        {"name": "tiny", "step": 10, "threshold": 0.4, "neuron": 3},
        {"name": "other", "step": None, "threshold": None, "neuron": None},
    ]
    assert text_of(found["message.children"]) == ""


def test_a_link_to_another_sweep_says_so(served):
    found = restored(served, "?sweep=none&step=3")
    assert found["sweep.value"] == "map"
    words = text_of(found["message.children"])
    assert "sweep: there is no 'none' in this folder" in words
    assert "step='3' in the address means nothing here" in words


# --- the diagram


def test_the_diagram_follows_the_sweep_and_its_axes(served):
    values = {"sweep.value": "map", "x.value": "data.corruption", "version.data": 1}
    found = served.answer("diagram.figure", "sweep.value", values)
    assert found["x.placeholder"] == "data.corruption"
    assert found["y.placeholder"] == "data.fraction"
    assert found["panel.placeholder"] == "none"
    assert found["x.options"] == found["panel.options"] == ["data.fraction", "data.corruption"]
    assert found["diagram.style"] == {"height": found["diagram.figure"]["layout"]["height"]}
    cells = len(AXES["data.fraction"]) * len(AXES["data.corruption"])
    assert text_of(found["diagram-words.children"]).startswith(f"{cells} cells.")
    assert served.answer("diagram.figure", "sweep.value", {"sweep.value": "none"}) is None


def runs_of(served, cell, sweep="map"):
    values = {"cell.data": cell, "sweep.value": sweep}
    return served.answer("cell-runs.children", "cell.data", values)["cell-runs.children"]


def test_a_cell_has_a_button_for_each_seed(served):
    words, *buttons = runs_of(served, [None, 0.5, 0.2])
    assert words == "Runs of the cell: "
    told = [(one["props"]["children"], one["props"]["id"]["run"]) for one in buttons]
    assert told == [(f"seed {seed}: coexistence", f"map/runs/0.5,0.2,{seed}") for seed in range(2)]
    assert runs_of(served, None) == "Click a cell to see its runs."
    assert runs_of(served, [None, 0.5, 0.2], "none") == "Click a cell to see its runs."
    assert runs_of(served, [None, 0.5, 0.99]) == "No run in this cell."


# --- opening runs


def opened(served, changed, values):
    there = {"opened.data": [], "sweep.value": "map", "version.data": 3, **values}
    found = served.answer("opened.data", changed, there)
    return found and {name.partition("@")[0]: value for name, value in found.items()}


def of_name(found, name):
    return next(value for key, value in found.items() if key.startswith(name))


def test_a_click_on_a_cell_opens_its_first_run(served):
    drawn = served.answer("diagram.figure", "sweep.value", {"sweep.value": "map"})
    key = drawn["diagram-key.data"]
    point = {"curveNumber": key["before"], "x": 0.52, "y": 0.19}
    values = {"diagram.clickData": {"points": [point]}, "diagram-key.data": key}
    found = opened(served, "diagram.clickData", values)
    assert of_name(found, "opened.data") == [{"name": "map/runs/0.5,0.2,0"}]
    assert of_name(found, "cell.data") == [None, 0.5, 0.2]
    beside = {"points": [{**point, "curveNumber": 99}]}
    assert opened(served, "diagram.clickData", {**values, "diagram.clickData": beside}) is None
    lost = {**values, "sweep.value": "none"}
    assert opened(served, "diagram.clickData", lost) is None
    assert opened(served, "diagram.clickData", {"diagram.clickData": None}) is None


def test_a_button_opens_its_run(served):
    found = opened(served, "open@tiny.n_clicks", {"open@tiny.n_clicks": 1})
    assert of_name(found, "opened.data") == [{"name": "tiny"}]
    assert "cell.data" not in "".join(found), "the cell stays"


def test_ticked_rows_keep_the_sliders_of_runs_that_stay(served):
    values = {
        "opened.data": [{"name": "tiny", "step": 30}, {"name": "begun"}],
        "table.selectedRows": [{"name": "other"}, {"name": "tiny"}],
        "ticked.data": ["tiny", "begun"],
        "threshold@tiny.value": 0.25,
        "step@tiny.value": 1,
        "neuron@tiny.value": 7,
        "steps@tiny.data": [0, 10, 30],
    }
    found = opened(served, "table.selectedRows", values)
    assert of_name(found, "opened.data") == [
        {"name": "tiny", "step": 10, "threshold": 0.25, "neuron": 7},
        {"name": "other"},
    ]
    assert of_name(found, "message.children") == ""
    same = {**values, "table.selectedRows": [{"name": "begun"}, {"name": "tiny"}]}
    assert opened(served, "table.selectedRows", same) == {"ticked.data": ["begun", "tiny"]}
    early = {**values, "version.data": NOT_YET}
    assert opened(served, "table.selectedRows", early) is None


@pytest.mark.parametrize("rows", [[], [{"name": "begun"}]])
def test_what_the_table_has_not_ticked_yet_stays_open(served, rows):
    """The runs of a link, while the table is being drawn; then they can be unticked."""
    link = [{"name": "tiny", "threshold": 0.3}, {"name": "begun"}]
    values = {"opened.data": link, "table.selectedRows": rows}
    names = [row["name"] for row in rows]
    assert opened(served, "table.selectedRows", values) == {"ticked.data": names}
    drawn = {**values, "ticked.data": ["begun", "tiny"]}
    found = opened(served, "table.selectedRows", drawn)
    assert [one["name"] for one in of_name(found, "opened.data")] == names
    assert of_name(found, "ticked.data") == names


def test_more_rows_than_fit_are_counted(served):
    places = [(f, c, s) for f in (0.3, 0.5) for c in (0.0, 0.2, 0.4) for s in (0, 1)]
    rows = [{"name": f"map/runs/{f},{c},{s}"} for f, c, s in places]
    found = opened(served, "table.selectedRows", {"table.selectedRows": rows})
    assert len(of_name(found, "opened.data")) == MOST_RUNS
    expected = f"At most {MOST_RUNS} runs are shown side by side, {len(rows)} are ticked."
    assert of_name(found, "message.children") == expected


# --- panels


def panels(served, *views):
    found = served.answer("panels.children", "opened.data", {"opened.data": list(views)})
    return found["panels.children"], found


def test_a_panel_a_run_and_what_they_differ_in(served):
    (first, second), found = panels(served, {"name": "tiny"}, {"name": "other"})
    assert "tiny" in text_of(first) and "It is finished." in text_of(first)
    assert text_of(found["differences.children"]) == "These runs have the same configuration."
    assert found["table.selectedRows"] == {"ids": ["tiny", "other"]}
    assert "other" in text_of(second)
    assert panels(served)[0] == []


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ({"name": "tiny", "step": 7}, "no checkpoint at step 7; there are"),
        ({"name": "tiny", "threshold": 1.5}, "threshold: expected an IPR between 0 and 1, got 1.5"),
        ({"name": "tiny", "neuron": 16}, "neuron: expected 0 to 15, got 16"),
        ({"name": "map/runs/0.3,0.0,0"}, "This sweep kept the scores only, so there is no network"),
        ({"name": "../asked/tiny"}, "expected a name in this folder"),
        ({"name": "begun"}, "No checkpoint yet; its neurons appear with the first one."),
    ],
)
def test_a_run_that_cannot_be_shown_says_why(served, view, words):
    (panel,), _ = panels(served, view)
    assert words in text_of(panel)


# --- what changes by itself


def ticked(served, **changes):
    values = {"tick.n_intervals": 5, "version.data": 0, "opened.data": [], **changes}
    return served.answer("version.data", "tick.n_intervals", values)


def test_a_tick_brings_what_has_changed_and_nothing_else(served, folder):
    first = ticked(served)
    names = {row["name"] for row in first["table.rowData"]}
    assert {"tiny", "other", "begun", "map/runs/0.5,0.2,1"} <= names
    assert first["diagram-section.hidden"] is False
    assert first["sweep.options"] == ["map"]
    version = first["version.data"]
    assert ticked(served, **{"version.data": version}) is None
    early = {"version.data": NOT_YET, "tick.n_intervals": 1}
    assert ticked(served, **early) is None, "the browser draws first"
    whole = ticked(served, **{**early, "tick.n_intervals": 2})
    assert len(whole["table.rowData"]) == len(names)
    shutil.copytree(folder / "tiny", folder / "new")
    try:
        later = ticked(served, **{"version.data": version})
        assert {row["name"] for row in later["table.rowData"]} == names | {"new"}
    finally:
        shutil.rmtree(folder / "new")


# --- sliders and clicks of a run


def of_tiny(run, place=-1, **values):
    """The sliders of the run's panel at a checkpoint, and further values by ``kind__property``."""
    there = {"steps@tiny.data": run.steps, "step@tiny.value": range(len(run.steps))[place]}
    return there | {f"{key.replace('__', '@tiny.')}": value for key, value in values.items()}


def test_the_neuron_that_is_looked_at(served, tiny_run):
    def drawn(neuron):
        there = of_tiny(tiny_run, neuron__value=neuron)
        return served.answer("one-neuron", "neuron@tiny.value", there)

    figure = drawn(5)["one-neuron.figure"]
    assert figure["layout"]["title"]["text"].startswith("Neuron 5 of tiny: IPR ")
    assert drawn(16) is None or "one-neuron.figure" not in drawn(16)
    assert drawn(None) is None or "one-neuron.figure" not in drawn(None)
    nowhere = of_tiny(tiny_run, neuron__value=5) | {"step@tiny.value": len(tiny_run.steps)}
    assert served.answer("one-neuron", "neuron@tiny.value", nowhere) is None


def test_a_bar_of_the_histogram_chooses_its_first_neuron(served, tiny_run):
    ipr = neuron_table(tiny_run).ipr
    bar = int(np.median(ipr) * 50)
    inside = [i for i in range(16) if int(ipr[i] * 50) == bar]
    assert inside

    def chosen(centre):
        there = of_tiny(tiny_run, histogram__clickData={"points": [{"x": centre}]})
        return served.answer("neuron", "histogram@tiny.clickData", there)

    found = chosen((bar + 0.5) / 50)
    assert found["neuron.value"] == inside[0]
    words, *buttons = found["bar.children"]
    assert words == f"{len(inside)} neurons in this bar: "
    assert [one["props"]["id"]["neuron"] for one in buttons] == inside
    assert not chosen(0.99), "no neuron is there"
    assert served.answer("neuron", "histogram@tiny.clickData", of_tiny(tiny_run)) is None


def test_a_row_of_the_spectra_and_a_button_choose_a_neuron(served, tiny_run):
    drawn = figures.spectra_heatmap(neuron_table(tiny_run))
    order = np.asarray(drawn.data[0].text)[:, 0].astype(int).tolist()
    assert sorted(order) == list(range(16)) != order
    found = served.answer("spectra", "step@tiny.value", of_tiny(tiny_run))["spectra.figure"]
    assert found["data"] == json.loads(drawn.to_json())["data"]
    there = of_tiny(tiny_run, spectra__clickData={"points": [{"y": 3}]})
    found = served.answer("neuron", "spectra@tiny.clickData", there)
    assert found == {"neuron.value": order[3]}
    there = of_tiny(tiny_run) | {"pick@tiny@9.n_clicks": 1}
    assert served.answer("neuron", "pick@tiny@9.n_clicks", there) == {"neuron.value": 9}


def test_a_run_that_grows_moves_the_slider_of_who_looks_at_the_newest(served, tiny_run):
    def grown(known, place):
        there = {"steps@tiny.data": known, "step@tiny.value": place, "live@tiny.data": "1"}
        return served.answer("steps", "live@tiny.data", there)

    steps, last = tiny_run.steps, len(tiny_run.steps) - 1
    assert grown(steps[:-1], last - 1) == {
        "step.max": last, "step.value": last, "steps.data": steps
    }  # fmt: skip
    assert grown(steps[:-1], 0) == {"step.max": last, "steps.data": steps}, "who looks back stays"
    assert not grown(steps, last)


def test_training_curves_are_those_of_the_run(served, tiny_run):
    figure = served.answer("training", "live@tiny.data", {"live@tiny.data": "1"})["training.figure"]
    assert figure["layout"]["title"]["text"] == "Training of tiny"


def test_counts_and_scores_at_a_threshold(served, tiny_run):
    """In words and in a table; the counts come from the IPRs alone."""
    ipr = neuron_table(tiny_run).ipr
    threshold = round(float(np.median(ipr)), 3)
    there = of_tiny(tiny_run, threshold__value=threshold, live__data="1")
    found = served.answer("counts", "threshold@tiny.value", there)
    kept = int((ipr >= threshold).sum())
    assert text_of(found["counts.children"]).startswith(
        f"Step 30: {kept} kept · {16 - kept} pruned · IPR {threshold!r} (value)"
    )
    assert found["step-words.children"] == "step 30 of 30"
    typing = there | {"threshold@tiny.value": None}
    assert served.answer("counts", "threshold@tiny.value", typing) is None


@pytest.mark.parametrize("rule", ["auto", "null"])
def test_a_rule_gives_its_threshold_unrounded_and_its_name(served, tiny_run, rule):
    table = neuron_table(tiny_run)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = classify(table, rule)
    there = of_tiny(tiny_run) | {f"{rule}@tiny.n_clicks": 1}
    found = served.answer("threshold", f"{rule}@tiny.n_clicks", there)
    assert found["threshold.value"] == expected.threshold
    there = of_tiny(tiny_run, threshold__value=expected.threshold, live__data="1")
    words = text_of(served.answer("counts", "threshold@tiny.value", there)["counts.children"])
    assert f"IPR {expected.threshold!r} ({rule}: {expected.rule})" in words
    assert f"{int((table.ipr >= expected.threshold).sum())} kept" in words


def test_a_measure_is_shown_with_its_numbers(served, tiny_run):
    there = {"measure@tiny.value": "embeddings", "measured-step@tiny.data": 30}
    found = served.answer("measured", "measure@tiny.value", there)
    assert found["measured-key.data"] == "embeddings 30"
    words = text_of(found["measured.children"])
    assert "seed 0 · step 30" in words
    power = np.abs(np.fft.rfft(curves_of(tiny_run.network(30)), axis=-1)) ** 2
    shares = power / power.sum(axis=-1, keepdims=True)
    mean = (shares**2).sum(axis=-1)[2].mean()
    assert f"answer W.mean_ipr {mean:.4g}" in words
    again = there | {"measured-key@tiny.data": "embeddings 30"}
    assert served.answer("measured", "measure@tiny.value", again) is None
    nothing = served.answer("measured", "measure@tiny.value", {"measure@tiny.value": None})
    assert nothing == {"measured.children": [], "measured-key.data": ""}
