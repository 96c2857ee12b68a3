"""Pairs and neurons in the report and the explorer: what the page is given, and what it says."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
from dataclasses import replace

import jaxtyping
import numpy as np
import pytest

from interp.analysis.memorization.pair_table import pair_table
from interp.analysis.memorization.pair_votes import pair_votes
from interp.cli.app import main
from interp.exchange.of_networks import network_run
from interp.explorer.app import make_app
from interp.explorer.pairs_at import MOST, PairReadings
from interp.figures.pair_cells import SHOWN, neuron_cells, strongest
from interp.figures.pair_looks import layers_of
from interp.reporting import pairs as section
from interp.reporting.report import report
from interp.training.data.dataset import make_dataset
from interp.training.models.analytic import analytic_network
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from interp.words.pairs import margin_words, pair_facts, vote_means
from tests.callbacks import Served
from tests.conftest import tiny_config
from tests.pair_truth import margins_by_neuron

pytestmark = pytest.mark.filterwarnings(
    "ignore::interp.analysis.neurons.classify.NotBimodalWarning"
)


def made(run, tmp_path, **options) -> str:
    return report(run, tmp_path / "r.html", 0.2, 2, mechanism=False, **options).read_text()


def given(html: str) -> dict:
    start = html.index('id="given">') + len('id="given">')
    return json.loads(html[start : html.index("</script>", start)])["pairs"]


def arrays(html: str) -> dict[str, np.ndarray]:
    start = html.index('id="pair-arrays">') + len('id="pair-arrays">')
    content = gzip.decompress(base64.b64decode(html[start : html.index("</script>", start)]))
    return {
        name: np.frombuffer(
            content, place["type"], int(np.prod(place["shape"])), place["at"]
        ).reshape(place["shape"])
        for name, place in given(html)["arrays"].items()
    }


def words(html: str) -> str:
    """The section before any script runs."""
    start = html.index('<section aria-labelledby="heading-pairs"')
    return html[start : html.index("</section>", start)]


# --- the report


def test_the_page_is_given_the_whole_table(tiny_run, tmp_path):
    found, table = arrays(made(tiny_run, tmp_path)), pair_table(tiny_run)
    frame = table.to_pandas()
    for name in ("x", "y", "true", "given", "pruned", "filtered", "forgotten"):
        np.testing.assert_array_equal(found[name], frame[name].astype("Int64").fillna(-1))
    for name in ("margin", "loss", "probability"):
        np.testing.assert_allclose(found[name], frame[name], rtol=1e-6)
    np.testing.assert_array_equal(found["answer"], table.answered)
    steps = [*tiny_run.steps, np.inf]
    learned = [steps[band] for band in found["step learned"]]
    np.testing.assert_array_equal(learned, table.learned)
    assert set(learned) - {np.inf} <= set(tiny_run.steps)
    outcome = np.where(table.right & ~table.wrong, 0, 3)
    outcome[table.wrong & (table.answered == table.dataset.given_label)] = 1
    outcome[table.wrong & (table.answered == table.dataset.true_label)] = 2
    np.testing.assert_array_equal(found["outcome"], outcome)


def test_the_counts_stand_in_the_page_before_any_script_runs(tiny_run, tmp_path):
    table = pair_table(tiny_run)
    told = words(made(tiny_run, tmp_path))
    memorized = int((table.wrong & (table.answered == table.dataset.given_label)).sum())
    assert f" · {memorized} memorized · " in told
    assert f"step {tiny_run.last_step} · hidden layer 0" in told
    assert "hidden" not in told.replace("hidden layer", "")


def test_without_the_section_nothing_of_it_is_in_the_page(tiny_run, tmp_path, capsys):
    assert "pairs" not in made(tiny_run, tmp_path, pairs=False).replace('"pairs":null', "")[:5000]
    out = tmp_path / "bare.html"
    main(["report", str(tiny_run.path), "--no-pairs", "--no-mechanism", "--out", str(out)])
    assert "heading-pairs" not in out.read_text()
    assert "report: " in capsys.readouterr().out


def test_a_truth_value_is_asked_for(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises((TypeError, ValueError), match="pairs"):
        report(tiny_run, tmp_path / "page.html", pairs="no")


def test_votes_in_full_are_those_of_the_weights(tmp_path):
    """Where the script cannot compute them from a number for each operand."""
    run = train(tiny_config(model={"width": 16, "depth": 3}), tmp_path / "run")
    html = made(run, tmp_path, layer=1)
    found, each = arrays(html), pair_votes(run.checkpoint(), 1).each
    half = found["vote_scale"] / 32767 * 0.5001
    assert (np.abs(found["votes"].T / 32767 * found["vote_scale"] - each) <= half).all()
    assert "first order" not in words(html)
    assert "to first order without a neuron" in words(made(run, tmp_path))


def test_votes_that_would_make_the_file_large_are_left_out(tiny_run, tmp_path, monkeypatch):
    size = 4 * 16 * 3 * 11
    for most in (size, size - 1):
        monkeypatch.setattr(section, "MOST_BYTES", most)
        html = made(tiny_run, tmp_path)
        assert ("is left out of this file" in words(html)) == (most < size)
        assert ("first" in arrays(html)) == (most == size)
    run = train(tiny_config(model={"width": 16, "depth": 3}))
    assert "is left out of this file" in words(made(run, tmp_path))


def test_a_network_without_neurons_has_cells_all_the_same(tmp_path):
    model = {"kind": "transformer", "d_model": 16, "n_heads": 2, "d_mlp": 0}
    html = made(train(tiny_config(model=model)), tmp_path)
    assert "An attention-only network has no neurons, so no cell has any." in words(html)
    assert (given(html)["neurons"], len(arrays(html)["x"])) == (0, 121)


def test_what_is_not_known_is_said(tmp_path):
    run = train(tiny_config(data={"fraction": 0.6, "corruption": 0}), tmp_path / "run")
    assert "No training pair is known to have a wrong label." in words(made(run, tmp_path))
    task = make_task("x + y", 11)
    solved = network_run(analytic_network(task, 60), make_dataset(task, 1.0))
    about = {**solved.origin.imported, "dataset_known": False}
    foreign = replace(solved, origin=replace(solved.origin, imported=about))
    told = words(made(foreign, tmp_path))
    assert "Which pairs were trained on is not known: all count as trained." in told
    once = train(tiny_config(schedule={"checkpoints": 0, "evaluations": 2}))
    only = replace(once, weights={once.last_step: once.weights[once.last_step]})
    html = made(only, tmp_path)
    assert "Learned, forgotten: none" in words(html)
    assert "step learned" not in {one["name"] for one in given(html)["layers"]}


def test_votes_that_are_not_defined_say_so(tiny_run, tmp_path, monkeypatch):
    def refused(*_):
        raise section.NotDefined("expected one thing, got another")

    monkeypatch.setattr(section, "additive", lambda *_: None)
    monkeypatch.setattr(section, "pair_votes", refused)
    told = words(made(tiny_run, tmp_path))
    assert "not defined here: expected one thing, got another." in told


def test_a_doubt_about_the_pruned_network_stands_in_the_section(tiny_run, tmp_path):
    assert "do not look like two classes" in words(made(tiny_run, tmp_path))


# --- the explorer


@pytest.fixture(scope="module")
def served(tmp_path_factory, tiny_run):
    root = tmp_path_factory.mktemp("pairs")
    shutil.copytree(tiny_run.path, root / "tiny")
    return Served(make_app(root))


def asked(served, output: str, changed: str, **values):
    there = {f"{key.replace('__', '@tiny.')}": value for key, value in values.items()}
    return served.answer(output, changed.replace("__", "@tiny."), there)


def test_nothing_is_read_before_a_colour_is_chosen(served):
    found = asked(served, "pairs-words", "pair-colour__value", **{"pair-colour__value": None})
    assert found["pairs.style"] == {"display": "none"}
    assert "pairs.figure" not in found
    for output in ("pair-bars", "cells"):
        found = asked(served, f"{output}-words", "pair__data", pair__data=[3, 4])
        assert found[f"{output}.style"] == {"display": "none"}


@pytest.mark.parametrize("back", [1, 2])
def test_the_cells_at_a_checkpoint(served, tiny_run, back):
    step = tiny_run.steps[-back]
    values = {"pair-colour__value": "margin", "measured-step__data": step, "pair__data": [3, 4]}
    found = asked(served, "pairs-words", "pair-colour__value", **values)
    table = pair_table(tiny_run, step)
    expected = np.zeros((11, 11))
    expected[table.dataset.pairs[:, 1], table.dataset.pairs[:, 0]] = table.margin
    drawn = found["pairs.figure"]["data"]
    np.testing.assert_allclose(read(drawn[0]["z"]), expected, rtol=1e-5)
    assert (drawn[1]["x"], drawn[1]["y"]) == ([3], [4])
    assert f"steps 0 to 30 · seed 0 · step {step}" in found["pairs-words.children"]
    rows = asked(served, "pair-facts", "pair__data", **values)
    told = json.dumps(rows["pair-facts.children"])
    frame = table.to_pandas()
    row = frame[(frame.x == 3) & (frame.y == 4)].iloc[0]
    assert "(3, 4)" in told
    assert f"{row.true}, {row.given}" in told
    assert f'"{row.margin:.3f}"' in told


def read(packed) -> np.ndarray:
    """Numbers of a figure as plotly packs them."""
    if not isinstance(packed, dict):
        return np.asarray(packed, dtype=float)
    flat = np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"])
    shape = packed.get("shape")
    return flat if shape is None else flat.reshape([int(one) for one in shape.split(",")])


def test_a_pair_shows_its_neurons_and_a_neuron_its_cells(served, tiny_run):
    step = tiny_run.last_step
    each, ahead, behind = margins_by_neuron(tiny_run.network().double(), tiny_run.dataset)[3, 4]
    values = {
        "pair-colour__value": "split", "measured-step__data": step, "pair__data": [3, 4],
        "threshold__value": 0.2, "neuron__value": 5,
    }  # fmt: skip
    bars = asked(served, "pair-bars-words", "pair__data", **values)
    shown = {
        int(neuron): vote
        for trace in bars["pair-bars.figure"]["data"]
        for neuron, vote in zip(trace["y"], read(trace["x"]), strict=True)
    }
    np.testing.assert_allclose([shown[k] for k in range(16)], each, atol=2e-7)
    title = bars["pair-bars.figure"]["layout"]["xaxis"]["title"]["text"]
    assert title == f"logits for {ahead} over {behind}"
    cells = asked(served, "cells-words", "neuron__value", **values)
    grid = read(cells["cells.figure"]["data"][0]["z"])
    all_pairs = margins_by_neuron(tiny_run.network().double(), tiny_run.dataset)
    expected = [[all_pairs[x, y][0][5] for x in range(11)] for y in range(11)]
    np.testing.assert_allclose(grid, expected, atol=2e-7)
    assert asked(served, "cells-words", "neuron__value", **{**values, "neuron__value": 16}) is None


def test_clicks_choose_a_pair_and_a_neuron(served):
    cell = {"points": [{"x": 7, "y": 2}]}
    for kind in ("pairs", "cells"):
        found = asked(served, "pair", f"{kind}__clickData", **{f"{kind}__clickData": cell})
        assert found == {"pair.data": [7, 2]}
        assert asked(served, "pair", f"{kind}__clickData", **{f"{kind}__clickData": None}) is None
    bar = {"points": [{"customdata": [11, "0.2"]}]}
    found = asked(served, "neuron", "pair-bars__clickData", **{"pair-bars__clickData": bar})
    assert found == {"neuron.value": 11}
    nothing = {"pair-bars__clickData": None}
    assert asked(served, "neuron", "pair-bars__clickData", **nothing) is None


def test_readings_are_kept_bounded_and_follow_the_run(tiny_run):
    readings = PairReadings()
    found = [readings.at(tiny_run, tiny_run.checkpoint(step)) for step in tiny_run.steps]
    assert readings.at(tiny_run, tiny_run.checkpoint()) is found[-1]
    assert len(readings._found) == min(MOST, len(tiny_run.steps))
    whole = pair_table(tiny_run)
    for one in found:
        np.testing.assert_array_equal(one.table.learned, whole.learned)
    assert found[-1].table.gaps == whole.gaps
    shorter = replace(tiny_run, weights={s: tiny_run.weights[s] for s in tiny_run.steps[1:]})
    assert readings.at(shorter, shorter.checkpoint()).table.steps == tuple(tiny_run.steps[1:])
    assert found[-1].at([50, 50]) == found[-1].first == found[-1].at(None)


def test_the_pair_that_is_shown_at_first():
    data = {"fraction": 0.6, "corruption": 0}
    run = train(tiny_config(data=data))
    assert PairReadings().at(run, run.checkpoint()).first == 0
    model = {"kind": "transformer", "d_model": 16, "n_heads": 2, "d_mlp": 0}
    bare = train(tiny_config(model=model))
    found = PairReadings().at(bare, bare.checkpoint())
    assert found.reason == "An attention-only network has no neurons."
    assert found.table.wrong[found.first]


# --- words and figures


def test_words_of_a_pair(tiny_run):
    table, votes = pair_table(tiny_run), pair_votes(tiny_run.checkpoint())
    wrong = int(np.flatnonzero(table.wrong)[0])
    data = table.dataset
    given_label, true = data.given_label[wrong], data.true_label[wrong]
    expected = f"margin of the given {given_label} over the true {true}: "
    assert margin_words(table, votes, wrong).startswith(expected)
    assert "all 16 neurons add" in margin_words(table, votes, wrong)
    test = int(np.flatnonzero(~data.is_train)[0])
    assert f"{data.true_label[test]}, its label, over" in margin_words(table, votes, test)
    tie = replace(table, answered=np.full(121, -1), forgotten=None, learned=None)
    facts = dict(pair_facts(tie, test))
    assert facts["answer"] == "none (a tie) (neither)"
    assert "learned" not in facts
    never = replace(table, learned=np.full(121, np.inf))
    assert dict(pair_facts(never, 0))["learned"] == "never"
    right = data.is_redrawn & ~data.is_wrong
    if right.any():
        facts = dict(pair_facts(table, int(right.argmax())))
        assert facts["split"] == "corrupted, redrawn but right by chance"
    mean = votes.each[~data.is_train, 3].mean(dtype=np.float64)
    assert vote_means(table, votes, 3).endswith(f"test {mean:.3g}")


def test_the_strongest_votes_are_the_ends_of_the_order():
    each = np.random.default_rng(0).normal(size=100)
    order = np.sort(each)[::-1]
    expected = np.r_[order[:SHOWN], order[-SHOWN:]]
    np.testing.assert_array_equal(each[strongest(each)], expected)
    np.testing.assert_array_equal(np.sort(strongest(each[:20])), np.arange(20))


def test_a_margin_of_zeros_has_colours(tiny_run):
    table = pair_table(tiny_run)
    flat = replace(table, margin=np.zeros(121))
    assert layers_of(flat)["margin"].look["zmin"] == -1
    votes = pair_votes(tiny_run.checkpoint())
    silent = replace(votes, each=np.zeros_like(votes.each))
    assert neuron_cells(table, silent, 0, 0).data[0].zmax == 1
