"""The explorer without a browser: what it lists, opens and refuses, and its addresses."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener, urlopen

import numpy as np
import plotly.graph_objects as go
import pytest
from dash import Patch, no_update
from dash.exceptions import PreventUpdate

from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.explorer import serve
from interp.explorer.background import Background, end
from interp.explorer.catalog import Catalog
from interp.explorer.diagrams import axes_of, chosen_axes, clicked_cell, drawn, runs_of_cell
from interp.explorer.listing import in_force
from interp.explorer.opening import differences
from interp.explorer.page import rows_of, summary
from interp.explorer.readings import Readings
from interp.explorer.run.figures import identity_of, position_of
from interp.explorer.run.measures import add_measures, measured, measures_on
from interp.explorer.run.neuron import neurons_of_bar
from interp.explorer.state import MOST_RUNS, RunView, View, from_query
from interp.training.runs.run import Run
from interp.training.sweep.plan.manifest import parquet
from tests.callbacks import Page
from tests.conftest import tiny_config
from tests.sweep_results import made


@pytest.fixture()
def folder(tmp_path, tiny_run):
    """A folder with one run, which a test may damage."""
    shutil.copytree(tiny_run.path, tmp_path / "runs" / "tiny")
    return tmp_path / "runs"


def write_sweep(place, axes, outcome, seeds=1):
    """A sweep that was never run: the table of results alone."""
    results = made(axes, seeds, outcome)
    about = {"axes": json.dumps(results.axes)}
    place.mkdir(parents=True, exist_ok=True)
    (place / "results.parquet").write_bytes(parquet(results.table.replace_schema_metadata(about)))
    return results


def test_a_run_is_listed_with_its_settings_and_last_scores(folder, tiny_run):
    row = Catalog(folder).contents().runs["tiny"]
    scores = tiny_run.measurement().scores
    assert (row.task, row.p, row.fraction, row.corruption) == ("x + y", 11, 0.6, 0.3)
    assert (row.step, row.steps, row.width, row.status) == (30, 30, 16, "done")
    assert row.train == scores["train"].accuracy
    assert row.test == scores["test"].accuracy
    assert row.error is None


DAMAGE = {
    "config.json: not a JSON": lambda run: (run / "config.json").write_text('{"task": '),
    "config.json: ": lambda run: (run / "config.json").write_text('{"steps": -1}'),
    "config.json: expected": lambda run: (run / "config.json").unlink(),
    "metrics.jsonl: line 1 is no measurement; altered": lambda run: (
        run / "metrics.jsonl"
    ).write_text("{oh\n"),
    "metrics.jsonl: line 2 is no measurement": lambda run: spoil_line(run / "metrics.jsonl"),
    "config.json: written in format 99": lambda run: renumber(run / "config.json"),
    "metrics.jsonl: expected": lambda run: (run / "metrics.jsonl").unlink(),
    "dataset.safetensors: expected": lambda run: (run / "dataset.safetensors").unlink(),
    "truncated": lambda run: cut(newest(run)),
    "checkpoint is damaged": lambda run: newest(run).write_bytes(b"\x05\0\0\0\0\0\0\0hello"),
    "weights, found none": lambda run: newest(run).unlink(),
}


def newest(run):
    return sorted(run.glob("checkpoints/*/model.safetensors"))[-1]


def spoil_line(file, number=2):
    lines = file.read_text().splitlines(keepends=True)
    lines[number - 1] = "{}\n"
    file.write_text("".join(lines))


def renumber(file, number=99):
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": number}))


def cut(file):
    file.write_bytes(file.read_bytes()[:-10])


@pytest.mark.parametrize("reason", DAMAGE)
def test_a_broken_run_is_listed_with_its_reason(folder, reason):
    DAMAGE[reason](folder / "tiny")
    contents = Catalog(folder).contents()
    (row,) = rows_of(contents)
    assert row["status"].startswith("broken: ")
    assert reason in row["status"]
    assert "\n" not in row["status"]
    assert "1 broken" in summary(contents)


def test_a_run_without_a_checkpoint_and_one_in_training(folder):
    (folder / "tiny" / "DONE").unlink()
    assert Catalog(folder).contents().runs["tiny"].status == "training"
    shutil.rmtree(folder / "tiny" / "checkpoints")
    (folder / "tiny" / "checkpoints").mkdir()
    (folder / "tiny" / "metrics.jsonl").write_text("")
    row = Catalog(folder).contents().runs["tiny"]
    assert (row.status, row.step, row.train) == ("no checkpoint yet", None, None)


def test_what_appears_and_grows_is_noticed(folder, tiny_run):
    catalog = Catalog(folder)
    first = catalog.contents()
    assert catalog.contents().version == first.version
    shutil.copytree(tiny_run.path, folder / "second")
    second = catalog.contents()
    assert second.version != first.version
    assert set(second.runs) == {"tiny", "second"}
    lines = (folder / "second" / "metrics.jsonl").read_text().splitlines()
    (folder / "second" / "metrics.jsonl").write_text("\n".join(lines[:3]) + "\n")
    assert catalog.contents().runs["second"].step == json.loads(lines[2])["step"]
    shutil.rmtree(folder / "tiny")
    assert set(catalog.contents().runs) == {"second"}


def test_nothing_is_written(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    catalog = Catalog(folder)
    catalog.contents()
    Readings(catalog).open("tiny").curves(30)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize("name", ["../outside", "/etc", "tiny/../../outside", "..", ""])
def test_a_path_that_leaves_the_folder_is_refused(folder, tiny_run, name):
    shutil.copytree(tiny_run.path, folder.parent / "outside")
    with pytest.raises(ValueError, match="run: expected a name in this folder, got"):
        Readings(Catalog(folder)).open(name)


def test_a_link_that_leaves_the_folder_is_refused(folder, tiny_run):
    shutil.copytree(tiny_run.path, folder.parent / "outside")
    (folder / "link").symlink_to(folder.parent / "outside")
    catalog = Catalog(folder)
    assert "leaves the folder" in catalog.contents().runs["link"].error
    with pytest.raises(ValueError, match="'link' leads out of the folder; not opened"):
        Readings(catalog).open("link")
    with pytest.raises(ValueError, match="there is no 'nothing' in this folder"):
        Readings(catalog).open("nothing")


def test_an_empty_folder_says_what_was_expected(tmp_path):
    words = summary(Catalog(tmp_path).contents())
    assert words.startswith("Nothing here yet: expected run folders")


def outcome(fraction, corruption, seed):
    state = "coexistence" if fraction > 0.4 else "memorization"
    scores = {"train_accuracy": 0.9, "test_accuracy": fraction, "corrupted_accuracy": corruption}
    return {"state": state, "phase": state, **scores, "config": json.dumps(config(corruption))}


def config(corruption):
    return tiny_config(data={"fraction": 0.6, "corruption": corruption}).to_dict()


AXES = {"data.fraction": [0.3, 0.5], "data.corruption": [0.0, 0.2, 0.4]}


def test_a_sweep_is_listed_with_its_cells(tmp_path):
    write_sweep(tmp_path / "map", AXES, outcome, seeds=2)
    contents = Catalog(tmp_path).contents()
    sweep = contents.sweeps["map"]
    assert len(sweep.rows) == 12
    assert axes_of(sweep) == ["data.fraction", "data.corruption"]
    assert chosen_axes(sweep, (None, None, None)) == ("data.fraction", "data.corruption", None)
    assert chosen_axes(sweep, ("data.corruption", None, None))[1] == "data.fraction"
    diagram = drawn(sweep, None, None, None)
    assert diagram.words.startswith("6 cells")
    (cells,) = [trace for trace in diagram.figure.data if trace.type == "heatmap"]
    assert np.shape(cells.z) == (3, 2)
    place = list(diagram.figure.data).index(cells)
    point = {"curveNumber": place, "x": 0.5, "y": 0.2}
    assert clicked_cell(point, diagram.key) == [None, 0.5, 0.2]
    assert clicked_cell({**point, "curveNumber": 0}, diagram.key) is None
    rows = runs_of_cell(sweep, [None, 0.5, 0.2], (None, None, None))
    assert [(row.corruption, row.state, row.seed) for row in rows] == [
        (0.2, "coexistence", 0),
        (0.2, "coexistence", 1),
    ]


def test_a_click_tells_panel_and_values_that_are_no_numbers(tmp_path):
    axes = {**AXES, "data.kind": ["uniform", "wrong"]}
    write_sweep(tmp_path, axes, lambda *place: "coexistence")
    sweep = Catalog(tmp_path).contents().sweeps["."]
    diagram = drawn(sweep, "data.kind", None, None)
    assert diagram.axes == ("data.kind", "data.corruption", "data.fraction")
    panels = [t for t in diagram.figure.data if t.type == "heatmap"]
    place = list(diagram.figure.data).index(panels[1])
    cell = clicked_cell({"curveNumber": place, "x": 1, "y": 0.4}, diagram.key)
    assert cell == [0.5, "wrong", 0.4]
    assert len(runs_of_cell(sweep, cell, diagram.axes)) == 1


def test_a_failed_cell_and_a_damaged_plan_are_listed(tmp_path):
    write_sweep(tmp_path / "map", AXES, lambda *place: "failed")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "sweep.json").write_text("{")
    contents = Catalog(tmp_path).contents()
    assert all(row["status"].startswith("broken: failed") for row in rows_of(contents))
    assert "not a plan of a sweep" in summary(contents)


def test_runs_of_a_sweep_without_an_outcome_are_listed(tmp_path, tiny_run):
    write_sweep(tmp_path / "map", AXES, outcome)
    shutil.copytree(tiny_run.path, tmp_path / "map" / "runs" / "abc")
    (tmp_path / "map" / "runs" / "abc" / "DONE").unlink()
    assert Catalog(tmp_path).contents().runs["map/runs/abc"].status == "training"
    assert Catalog(tmp_path / "map").contents().runs["runs/abc"].status == "training"


def test_a_sweep_over_one_axis_has_no_diagram(tmp_path):
    write_sweep(tmp_path, {"data.fraction": [0.3, 0.5]}, lambda *place: "confusion")
    sweep = Catalog(tmp_path).contents().sweeps["."]
    assert drawn(sweep, None, None, None).words.startswith("A phase diagram needs a sweep over two")


VIEWS = {
    "nothing": View(),
    "a run": View(runs=(RunView("coexistence", 316, 0.4, 7),)),
    "two runs": View(runs=(RunView("a b/runs/ü", None, 0.125), RunView("c&d=e", 0, None, 0))),
    "a sweep": View(
        sweep="map",
        x="data.fraction",
        y="data.corruption",
        panel="optimizer.weight_decay",
        cell=(5.0, 0.30000000000000004, None),
        filter={"state": {"filterType": "text", "type": "equals", "filter": "confusion"}},
    ),
}


def to_query(view):
    """The address of a view, as assets/address.js makes it."""
    pairs = [(name, getattr(view, name)) for name in ("sweep", "x", "y", "panel")]
    pairs.append(("cell", None if view.cell is None else json.dumps(view.cell)))
    for run in view.runs:
        pairs += [("run", run.name), ("step", run.step)]
        pairs += [("threshold", run.threshold), ("neuron", run.neuron)]
    pairs.append(("filter", json.dumps(view.filter) if view.filter else None))
    return "?" + urlencode([(name, value) for name, value in pairs if value is not None])


@pytest.mark.parametrize("name", VIEWS)
def test_an_address_holds_the_view(name):
    assert from_query(to_query(VIEWS[name])) == (VIEWS[name], [])


BAD_QUERIES = {
    "?run=a&step=many": "step: 'many' in the address is not as expected",
    "?run=a&threshold=nan": "threshold: 'nan'",
    "?run=a&neuron=-2": "neuron: '-2'",
    "?step=3": "step='3' in the address means nothing here",
    "?cell=%7B": "cell: '{' in the address",
    "?cell=[1]": "cell: '[1]'",
    "?filter=3": "filter: '3'",
    "?what=ever": "what='ever'",
    "?" + "&".join(f"run={i}" for i in range(9)): f"expected at most {MOST_RUNS} runs side by side",
}


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_an_address_that_cannot_be_read_says_what(query):
    view, (problem, *_) = from_query(query)
    assert BAD_QUERIES[query] in problem
    assert len(view.runs) <= MOST_RUNS


def test_readings_keep_what_was_computed_while_a_run_grows(folder):
    readings = Readings(Catalog(folder))
    opened = readings.open("tiny")
    table = opened.table(30)
    (folder / "tiny" / "DONE").unlink()
    again = readings.open("tiny")
    assert again is opened
    assert not again.run.finished
    assert again.table(30) is table


def test_the_neurons_of_a_bar(tiny_run):
    from interp.analysis.neurons.read import neuron_table

    table = neuron_table(tiny_run)
    counts, edges = np.histogram(table.ipr, np.linspace(0, 1, 51))
    for bar in np.flatnonzero(counts):
        assert len(neurons_of_bar(table, edges[bar] + 0.01)) == counts[bar]


def test_urgent_work_goes_first():
    import threading

    done, gate, finished = [], threading.Event(), threading.Event()
    background = Background()
    background.later(gate.wait)
    for name in "ab":
        background.later(lambda name=name: done.append(name))
    background.now(lambda: done.append("first"))
    background.later(finished.set)
    gate.set()
    assert finished.wait(10)
    assert done == ["first", "a", "b"]


def test_the_end_waits_for_the_work_in_hand_alone():
    """Threads that were there before go on; a timer that has not rung never does."""
    import threading

    before = [threading.current_thread(), Background()]
    done, begun, gate = [], threading.Event(), threading.Event()
    background, timer = Background(), threading.Timer(60, done.append, ["rung"])
    timer.start()

    def work() -> None:
        begun.set()
        gate.wait(10)
        done.append("in hand")

    background.later(work)
    background.later(lambda: done.append("waits"))
    assert begun.wait(10)
    threading.Timer(0.2, gate.set).start()
    end([*before, *(one for one in threading.enumerate() if one not in (background, timer))])
    assert done == ["in hand"]
    assert not background.is_alive() and not timer.is_alive() and before[1].is_alive()
    before[1].cancel()
    background.later(lambda: done.append("too late"))
    before[1].join(10)
    assert done == ["in hand"] and not before[1].is_alive()


def test_differences_name_the_options_that_differ():
    configs = {"a": config(0.1), "b": config(0.2)}
    text = str(differences(configs))
    assert "data.corruption" in text
    assert "data.fraction" not in text
    assert differences({"a": config(0.1)}) == []


def test_what_a_configuration_leaves_open_is_told_as_it_is_in_force():
    """Two layers compute squares by default, more of them rectify."""
    two, three = (tiny_config(model={"width": 8, "depth": depth}) for depth in (2, 3))
    assert two.to_dict()["model"]["activation"] is None
    text = str(differences({"two": in_force(two), "three": in_force(three)}))
    assert "'square'" in text and "'relu'" in text
    written = tiny_config(model={"width": 8, "activation": "square"})
    assert "model.activation" not in str(differences({"a": in_force(two), "b": in_force(written)}))


def test_a_cell_is_called_by_its_setting(tmp_path, tiny_run):
    write_sweep(tmp_path / "map", AXES, outcome, seeds=2)
    contents = Catalog(tmp_path).contents()
    row = contents.row("map/runs/0.5,0.2,1")
    assert row.title == row.to_dict()["label"] == "α 0.5 · ξ 0.2 · seed 1"
    assert contents.row("map/runs/none") is None
    shutil.copytree(tiny_run.path, tmp_path / "map" / "runs" / "begun")
    begun = Catalog(tmp_path).contents().row("map/runs/begun")
    assert begun.title == "α 0.6 · ξ 0.3 · wd 0 · N 16 · seed 0"


def test_a_port_in_use_gives_the_next_free_one():
    with socket.socket() as other:
        other.bind((serve.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with serve.bound(port) as found:
            host, taken = found.getsockname()
    assert host == "127.0.0.1"
    assert port < taken < port + 50


def test_bad_places_and_ports(tmp_path):
    with pytest.raises(ValueError, match="expected a folder of runs or sweeps, found none"):
        serve.explore(tmp_path / "nothing")
    with pytest.raises(ValueError, match="port: expected 0 to 65535, got 70000"):
        serve.bound(70000)


def test_without_dash_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("interp.training.optional.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs dash and dash_ag_grid.*interp\[explorer\]"):
        serve.explore(".")


def test_the_command_serves_says_where_and_ends_quietly(tmp_path):
    """As a background job of a shell, which ignores Ctrl-C."""
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        f"from interp.cli.app import main; main(['explore', {str(tmp_path)!r}, '--port', '0'])"
    )
    asked = [sys.executable, "-c", code]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as job:
        words = job.stdout.readline()
        address, token = re.search(r"(http://127\.0\.0\.1:\d+/)(\?token=\S+)", words).groups()
        with pytest.raises(HTTPError, match="403"):
            urlopen(f"{address}_dash-layout", timeout=20)
        browser = build_opener(HTTPCookieProcessor())
        with browser.open(f"{address}_dash-layout{token}", timeout=20) as answer:
            assert "Nothing here yet" in answer.read().decode()
        job.terminate()
        assert job.wait(20) == 0
        assert job.stderr.read() == ""


def test_measures_are_listed_where_they_are_defined_on_a_run(folder, tiny_run):
    opened = Readings(Catalog(folder)).open("tiny")
    listed = measures_on(opened)
    assert listed["needed"].startswith("needed: How few neurons keep the test accuracy")
    assert {"embeddings", "stages", "ipr_history"} <= set(listed)
    assert not {"norms", "heads", "boundary", "phase_diagram"} & set(listed)


def test_a_measure_that_cannot_be_taken_says_why_in_the_panel(folder):
    opened = Readings(Catalog(folder)).open("tiny")
    (words,) = measured(opened, "norms", None)
    assert words.children == (
        "Not defined here: expected a network with a norm on its neurons, got none."
    )
    (words,) = measured(opened, "embeddings", 7)
    assert words.children.startswith("It could not be measured: ")
    assert "no checkpoint at step 7" in words.children


def test_a_measure_opens_no_network_again(folder, monkeypatch):
    taken, opens = Run.checkpoint, []

    def counted(self, step=None):
        opens.append((self, step))  # other tests' runs may be read in the background still
        return taken(self, step)

    monkeypatch.setattr(Run, "checkpoint", counted)
    opened = Readings(Catalog(folder)).open("tiny")
    for name in ("embeddings", "bands"):
        for step in [*opened.run.steps, *reversed(opened.run.steps)]:
            assert f"step {step}" in measured(opened, name, step)[0].children
    assert sorted(step for run, step in opens if run is opened.run) == opened.run.steps


def test_a_mark_is_sent_only_to_a_page_that_has_drawn_these_very_curves(tiny_run):
    last, first = (pruning_curve(tiny_run, step=step, draws=0) for step in (tiny_run.last_step, 0))
    figure, drawn = position_of(last, 3, "")
    assert isinstance(figure, go.Figure)
    assert [mark.x0 for mark in figure.layout.shapes] == [3]
    patch, key = position_of(last, 5, drawn)
    assert isinstance(patch, Patch)
    assert key is no_update
    sent = [
        (*one["location"][1:], one["params"]["value"])
        for one in patch.to_plotly_json()["operations"]
    ]
    assert ("shapes", 0, "x0", 5) in sent
    assert ("annotations", 0, "text", "lowest first · dashed: 5 pruned") in sent
    figure, other = position_of(first, 5, drawn)
    assert isinstance(figure, go.Figure)
    assert other != drawn
    assert position_of(None, 5, drawn) == (no_update, no_update)


def test_curves_are_told_apart_by_everything_that_is_drawn_of_them(tiny_run):
    def found(**options):
        return identity_of(pruning_curve(tiny_run, **options))

    keys = [
        found(draws=0),
        found(draws=2),
        found(draws=3),
        found(draws=0, orders=[("IPR", "lowest")]),
    ]
    assert len(set(keys)) == len(keys)
    assert found(draws=2) == keys[1]


def test_a_measure_is_taken_again_until_the_page_shows_it(folder, tiny_run):
    """An answer may be dropped when the slider comes to rest before it is there."""
    page = Page()
    readings = Readings(Catalog(folder))
    add_measures(page, lambda: readings)
    chosen, own, step = page.found["chosen"], {"run": "tiny"}, tiny_run.last_step
    shown, key = chosen("stages", 0, "", own)
    assert shown
    assert chosen("stages", step, "", own)[1] == key
    with pytest.raises(PreventUpdate):
        chosen("stages", step, key, own)
    _, key = chosen("embeddings", step, key, own)
    assert chosen("embeddings", 0, key, own)[1] != key
    assert chosen(None, 0, key, own) == ([], "")
