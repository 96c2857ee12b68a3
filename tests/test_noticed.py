"""Small promises that nothing else holds to: each was once broken unnoticed."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import time
from collections import Counter
from dataclasses import replace
from math import inf
from types import SimpleNamespace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from interp import figures
from interp.analysis.ablation import needed as needing
from interp.analysis.ablation.by_class import prune_by_class
from interp.analysis.ablation.logit_sum import LogitSum
from interp.analysis.ablation.needed import needed
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.ablation.shares import pruning
from interp.analysis.fourier.null import null_of_several
from interp.analysis.measure import measure
from interp.analysis.neurons.answers import AnswerPlanes
from interp.analysis.neurons.class_words import class_words
from interp.analysis.neurons.classify import Classes, classify
from interp.analysis.neurons.composition import read_curves
from interp.analysis.neurons.embedding import EmbeddingTable
from interp.analysis.neurons.read import neuron_table
from interp.analysis.sweeps import estimate
from interp.analysis.sweeps import sweep as sweeping
from interp.analysis.sweeps.bootstrap import Bootstrap
from interp.analysis.sweeps.boundary import boundary
from interp.analysis.sweeps.estimate import make_plan
from interp.analysis.sweeps.sweep import _measuring
from interp.analysis.trajectory.pruning_history import checkpoint_curves
from interp.cli import refusals
from interp.cli.app import main
from interp.cli.print_runs import _cell
from interp.exchange import publishing
from interp.exchange.layouts import cleaned
from interp.exchange.pickled import _Type
from interp.exchange.truth import evidence
from interp.explorer.page import _table_section
from interp.figures.numbers import _MOST, numbers
from interp.figures.template import TEMPLATE
from interp.reproduction import verdict
from interp.training import memory, registry
from interp.training.config.run_config import paper_minibatch, parse_config
from interp.training.config.start_file import digest_of
from interp.training.data.pair_forms import pairs_of
from interp.training.runs.files import new_folder, write_bytes
from interp.training.runs.made import config_of
from interp.training.runs.origin import Origin
from interp.training.runs.subject import as_checkpoint
from interp.training.sweep.claims import Claims
from interp.training.sweep.executors import ray_actors
from interp.training.sweep.executors.machine import Machine
from interp.training.sweep.executors.work import Work
from interp.training.sweep.parquet_file import read_parquet
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.plan.cost import probe
from interp.training.sweep.plan.grid import parse_grid
from interp.training.sweep.plan.manifest import read_manifest, written_manifest
from interp.training.sweep.store import open_store
from interp.training.sweep.table import status
from interp.training.sweep.table.tally import Tally
from interp.training.tasks.task import make_task
from interp.training.trainer import fits
from interp.training.trainer.interrupt import Interrupted
from interp.training.trainer.loop import dataset_of, train
from tests.conftest import plain_mlp, tiny_config
from tests.sweep_results import made

TOY = tiny_config().to_dict()  # of a base of a grid


@pytest.mark.parametrize("third", [(2, 9), (-1, 2)])
def test_a_third_column_that_is_neither_token_nor_label_is_refused(third):
    task = make_task("x + y", 5)
    with pytest.raises(ValueError, match="a third column of labels from 0 to 4"):
        pairs_of(task, np.array([[0, 1, third[0]], [1, 2, third[1]]]), "pairs")


def test_a_run_that_was_trained_on_everything_knows_its_data():
    run = train(tiny_config(data={"fraction": 1.0, "corruption": 0.0}, steps=1))
    assert run.dataset.is_train.all()
    assert run.knows_data


def test_a_digest_tells_names_precisions_and_shapes():
    """All five hold the same bytes, or none."""
    zeros = np.zeros(4, dtype=np.float32)
    named = [{"a": zeros}, {"b": zeros}, {"a": zeros.reshape(2, 2)}, {"a": zeros.view(np.int32)}]
    named.append({"a": zeros + 1})
    assert len({digest_of(one) for one in named}) == 5


def test_a_record_is_counted_once(unchecked):
    tally = Tally(total=3)
    tally.add(SimpleNamespace(status="done", state="confusion"))
    assert (tally.status, tally.states) == (Counter(done=1), Counter(confusion=1))
    assert tally.left == 2


def test_the_level_of_a_measured_boundary_is_that_asked_for():
    axes = {"data.fraction": (0.3,), "data.corruption": (0.2, 0.4)}
    results = made(axes, 3, lambda a, c, seed: "coexistence" if c < 0.3 else "memorization")
    assert boundary(results, level=0.5).level == 0.5


def test_the_machine_that_measures_is_the_one_asked_for():
    assert _measuring(Machine(executor="serial")).executor == "serial"
    assert _measuring(Machine(workers=2)).executor == "processes"
    assert _measuring(Machine(workers=1)).executor == "serial"


def test_places_of_answers_are_by_element():
    points = np.arange(6.0).reshape(3, 2)
    planes = SimpleNamespace(
        residues=np.array([0, 1, 2]),
        pca=SimpleNamespace(points=points),
        tsne=SimpleNamespace(points=-points),
    )
    table = AnswerPlanes.to_pandas(planes)
    assert table.index.name == "element"
    assert table["pca_2"].tolist() == [1, 3, 5]
    assert table["tsne_1"].tolist() == [0, -2, -4]


@pytest.mark.parametrize(
    ("value", "text"),
    [(inf, "never"), (0.123456789, "0.123457"), (None, "–"), (3, "3"), ("a", "a")],
)
def test_a_cell_of_printed_values(value, text):
    assert _cell(value) == text


@pytest.mark.parametrize("count", [_MOST, _MOST + 1])
def test_a_figure_of_numbers_says_what_it_leaves_out(count):
    values = {f"v{k}": float(k) for k in range(count)}
    figure = numbers(SimpleNamespace(values=lambda: values, caption="c"), "t")
    [marks] = figure.data
    assert len(marks.y) == _MOST
    assert list(marks.x) == list(range(_MOST))
    left_out = f"the first {_MOST} of {count} values" in figure.layout.title.subtitle.text
    assert left_out == (count > _MOST)


def test_a_colour_bar_for_a_paper_is_narrow_and_its_words_small():
    shown = go.Heatmap(z=[[1]], colorbar={"title": {"text": "share"}})
    hidden = go.Heatmap(z=[[1]], showscale=False)
    first, second = figures.paper(go.Figure([shown, hidden])).data
    assert first.colorbar.thickness == 8
    assert first.colorbar.tickfont.size == first.colorbar.title.font.size < 12
    assert second.colorbar.thickness is None


def test_rows_of_the_explorer_are_ticked_in_any_number():
    [table] = [one for one in _table_section([]).children if getattr(one, "id", "") == "table"]
    assert table.dashGridOptions["rowSelection"]["mode"] == "multiRow"


def test_a_pruning_gives_its_scores_by_name(tiny_run):
    table = neuron_table(tiny_run)
    pruned = prune_by_class(tiny_run, table, classify(table, 0.3), draws=2)
    values = pruned.values()
    for name, scores in {"before": pruned.before, "after": pruned.after}.items():
        assert values[f"{name}.test_accuracy"] == scores["test"].accuracy
    assert {name.split(".")[0] for name in values if "." in name} == {
        *("before", "after", "random"),
        *pruned.rankings,
    }


def test_with_a_base_no_answer_has_a_twin():
    """Two answers of equal weights differ by what is added to them: of three answers none."""
    weights = np.ones((2, 3))
    hidden, base = np.ones((2, 5)), np.arange(15.0).reshape(5, 3)
    assert LogitSum(hidden, weights, base).twins().tolist() == [False, False, False]
    assert LogitSum(hidden, weights).twins().tolist() == [True, True, True]


def test_losses_are_measured_when_they_are_asked_for(tiny_run):
    assert "loss" not in " ".join(pruning(tiny_run, lowest=0.3, highest=0.3).values())


def test_four_neurons_are_enough_for_a_dip_test():
    assert "of 3 living neurons" in class_words(None, 3, 1).sentence
    assert "diptest is not installed" in class_words(None, 4, 1).sentence


def test_seeds_and_draws_that_are_not_said_are_those_of_the_guide():
    assert Bootstrap() == Bootstrap(level=0.95, draws=1000, seed=0)
    given = inspect.signature(checkpoint_curves).parameters
    assert (given["draws"].default, given["seed"].default) == (4, 0)
    assert inspect.signature(null_of_several).parameters["r"].default == 2
    assert inspect.signature(EmbeddingTable).parameters["r"].default == 2
    assert inspect.signature(read_curves).parameters["layer"].default == 0


def test_a_published_folder_is_told_as_json_alone(tiny_run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(publishing, "browser", lambda: None)
    main(["publish", str(tiny_run.path), str(tmp_path / "out"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["folder"] == str(tmp_path / "out")
    assert "config.json" in told["files"]


def test_axes_have_no_line_at_zero():
    """It would look like a curve."""
    assert TEMPLATE.layout.xaxis.zeroline is TEMPLATE.layout.yaxis.zeroline is False


@pytest.mark.parametrize(("batch", "steps"), [(8, 64_000), (64, 8000), (256, 2000), (512, 2000)])
def test_minibatches_of_the_paper_see_as_many_examples(batch, steps):
    assert paper_minibatch(batch)["steps"] == steps


def test_no_loss_is_below_zero():
    assert parse_config({"stop": {"train_loss": 0}}).stop.model_dump()["train_loss"] == 0
    with pytest.raises(ValueError, match=r"stop\.train_loss"):
        parse_config({"stop": {"train_loss": -0.5}})


def test_a_cell_is_of_one_process(tmp_path):
    """Locks are a process's own, so the other one is a process."""
    mine = Claims(tmp_path)
    assert mine.take("aa")
    child = os.fork()
    if child == 0:
        other = Claims(tmp_path)
        os._exit(10 * other.take("aa") + other.take("bb"))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    mine.close()


def test_cells_that_are_stopped_say_so(tmp_path, monkeypatch):
    def stopped(*_: object) -> None:
        raise Interrupted("at step 7")

    work = Work(dict, tmp_path, None)
    monkeypatch.setattr(Work, "_train", stopped)
    cell = Cell("aa", tiny_config().model_dump_json())
    (outcome,) = work([cell])
    assert (outcome.cell, outcome.status, outcome.error) == (cell, "stopped", "at step 7")


@pytest.mark.parametrize("kind", [pa.string(), pa.int64()])
def test_a_column_of_another_type_is_a_damaged_table(tmp_path, kind):
    pq.write_table(pa.table({"cell": pa.array([], kind)}), tmp_path / "t.parquet")
    found = read_parquet(open_store(tmp_path), "t.parquet", text=["cell"])
    assert (found is not None) == (kind == pa.string())


def test_what_several_killed_writers_left_goes_with_the_next_write(tmp_path):
    """Two wrote the same name at once, under two hidden names, and both were killed."""
    for name in (".file.part", ".file.part-2"):
        (tmp_path / name).write_text("half")
    for name in (".folder.part", ".folder.part-2"):
        (tmp_path / name / "inside").mkdir(parents=True)
    write_bytes(tmp_path / "file", b"whole")
    with new_folder(tmp_path / "folder"):
        pass
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "folder"]


def test_a_queue_is_empty_when_nothing_is_left_of_it():
    first, second = Cell("aa", ""), Cell("bb", "")
    queue = ray_actors._Queue(first, iter([second]))
    taken = [(queue.take(), queue.empty) for _ in range(3)]
    assert taken == [(first, False), (second, False), (None, True)]


def test_the_wait_between_starts_of_workers_doubles_up_to_a_minute(monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr(ray_actors.time, "monotonic", lambda: now)
    waits = []
    for failures in range(9):
        one = SimpleNamespace(_pause=0.0, _failures=failures, _workers=[SimpleNamespace(task=None)])
        ray_actors.RayActors._start_failed(one, "why")
        waits.append(one._pause - now)
    assert waits == pytest.approx([2, 4, 8, 16, 32, 64, 64, 64, 64])


def test_the_probe_of_a_cell_sees_what_an_evaluation_costs():
    """Beside steps of one example each, the scores of 961 pairs take long."""
    schedule = {"evaluations": 3, "checkpoints": 2}
    optimizer = {"batch_size": 1}
    config = tiny_config(task={"p": 31}, optimizer=optimizer, steps=60, schedule=schedule)
    found = probe(config, lambda run: {})
    assert found.evaluation > 0 and found.step > 0


def test_each_round_of_refinement_runs_the_points_of_that_round(tmp_path, monkeypatch, unchecked):
    """The first grid, then each round's own points."""
    asked, rounds = [], iter([[{"seed": 5}], [{"seed": 7}]])
    monkeypatch.setattr(sweeping, "run_sweep", lambda wish, *_: asked.append(wish.grid.points))
    monkeypatch.setattr(sweeping, "results_of", lambda *_: None)
    monkeypatch.setattr(sweeping, "axes_of_plane", lambda grid: ("x", "y"))
    monkeypatch.setattr(sweeping, "points_between", lambda *_, **__: next(rounds))
    sweeping.sweep({"axes": {"data.corruption": [0.0, 0.3]}}, tmp_path / "out", refine=2)
    assert asked == [(), ({"seed": 5},), ({"seed": 7},)]


def test_losses_of_a_pruning_curve_are_of_float64(tiny_run):
    """With nothing pruned they are those of the checkpoint: float32 would differ at 1e-7."""
    here = as_checkpoint(tiny_run)
    curves = pruning_curve(here, draws=0, orders=[("IPR", "lowest")])
    (curve,) = curves.curves.values()
    for split, known in here.scores.items():
        assert curve.loss[split][0] == pytest.approx(known.loss, rel=1e-11), split


@pytest.mark.parametrize("column", ["work", "data.corruption", None])
def test_a_manifest_that_lacks_a_column_is_made_anew(tmp_path, column):
    grid = {"base": TOY, "axes": {"data.corruption": [0.0, 0.3]}}
    sweeping.sweep(grid, tmp_path, machine="serial")
    store = open_store(tmp_path)
    assert written_manifest(store) is not None
    if column:
        path = tmp_path / "manifest.parquet"
        pq.write_table(pq.read_table(path).drop_columns([column]), path)
    assert (written_manifest(store) is None) == (column is not None)
    assert "work" in read_manifest(store).table.column_names
    assert read_manifest(store, ["hash"]).axes == ("data.corruption",)
    assert read_manifest(store).axes == ("data.corruption",)


def test_logits_of_all_pairs_count_in_what_a_run_needs(monkeypatch):
    """16 neurons are nothing beside 97³ logits of four bytes."""
    config = tiny_config(task={"p": 97})
    for module in (fits, memory):
        monkeypatch.setattr(module, "memory", lambda: 10**6)
    with pytest.raises(MemoryError, match=r"a network of 4,656 weights"):
        fits.check_fits([config], dataset_of(config), torch.device("cpu"))
    monkeypatch.setattr(memory, "memory", lambda: 10**7)
    fits.check_fits([config], dataset_of(config), torch.device("cpu"))


def test_the_rate_of_a_sweep_is_of_its_last_ten_minutes(monkeypatch):
    """One in 10 s lately, one in 100 s before; as of now while it goes on, else as it ended."""
    early, late = np.arange(0.0, 1000.0, 100), np.arange(1000.0, 1601.0, 10)
    finished = np.concatenate([late, early])
    monkeypatch.setattr(status.time, "time", lambda: 1e9)
    # Within 600 s of the last: 1010, 1020 … 1600.
    assert status._rate(finished) == pytest.approx(59 / 590)
    monkeypatch.setattr(status.time, "time", lambda: 1600.0 + 590)
    assert status._rate(finished) == pytest.approx(59 / 1180)
    assert status._rate(finished[:1]) is None
    assert status._rate(np.array([5.0, 5.0])) is None


def test_what_is_installed_is_looked_up_once(monkeypatch):
    asked = []
    monkeypatch.setattr(registry, "entry_points", lambda group: asked.append(group) or [])
    rows = registry.Registry("thing", {"a": 1}, "interp.things")
    assert [len(rows), "b" in rows, list(rows)] == [1, False, ["a"]]
    assert asked == ["interp.things"]
    assert len(registry.Registry("thing", {"a": 1})) == 1 and len(asked) == 1


def test_a_cell_that_is_done_is_given_back_at_once(tmp_path):
    """Another process may look at it while the sweep goes on."""
    free = []

    def watch(tally: Tally) -> None:
        done = [path.stem for path in (tmp_path / "out" / "cells").glob("*.json")]
        if child := os.fork():
            free.append((len(done), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
        else:
            os._exit(sum(Claims(tmp_path / "out").take(cell) for cell in done))

    machine = {"executor": "serial", "device": "cpu"}
    sweeping.sweep({"base": TOY, "seeds": 3}, tmp_path / "out", machine=machine, watch=watch)
    assert free[-1] == (3, 3)
    assert all(done == found for done, found in free)


def test_networks_that_saw_nothing_are_refused_in_words():
    data = dataset_of(tiny_config())
    nothing = np.zeros(len(data), dtype=bool)
    unseen = replace(data, is_train=nothing, is_redrawn=nothing)
    with pytest.raises(ValueError, match=r"^data\.fraction: .* leaves an empty training set"):
        config_of(unseen, {"width": 4}, "mse", "float32", 0)


def test_a_dead_neuron_has_no_frequency():
    network = plain_mlp(make_task("x + y", 11), 3)  # of zeros
    table = neuron_table(network).to_pandas()
    assert [one is pd.NA for one in table["frequency"]] == [True] * 3
    assert isinstance(table["frequency"].dtype, pd.ArrowDtype)


def test_a_network_of_other_code_with_a_split_knows_its_data():
    """Where a run of before the field was there does not say; without wrong labels too."""
    config = tiny_config(data={"fraction": 0.6, "corruption": 0.0}, steps=1)
    run = replace(train(config), origin=Origin(imported={}))
    assert run.knows_data
    everything = tiny_config(data={"fraction": 1.0, "corruption": 0.0}, steps=1)
    assert not replace(train(everything), origin=Origin(imported={})).knows_data


def test_the_random_neurons_needed_are_of_twenty_draws(tiny_run, monkeypatch):
    made = []
    monkeypatch.setattr(
        needing, "pruning_curve", lambda *a, **k: made.append(pruning_curve(*a, **k)) or made[-1]
    )
    needed(as_checkpoint(tiny_run))
    assert [one.control.draws for one in made] == [20]


@pytest.mark.parametrize("panel", [None, "optimizer.weight_decay"])
def test_a_boundarys_values_are_named_by_x_and_panel(panel):
    axes = {"data.fraction": (0.3,), "data.corruption": (0.2, 0.4)}
    axes |= {panel: (5.0,)} if panel else {}
    results = made(axes, 2, lambda a, c, *_: "coexistence" if c < 0.3 else "memorization")
    names = list(boundary(results).values())
    assert names == ["data.fraction=0.3" + (", optimizer.weight_decay=5.0" if panel else "")]


def test_what_is_done_needs_no_more_room(tmp_path):
    grid = {"base": TOY, "seeds": 2}
    sweeping.sweep(grid, tmp_path, machine="serial")
    plan = make_plan(parse_grid(grid), tmp_path, Machine("serial"))
    assert (plan.done, plan.disk, plan.seconds) == (2, 0, None)
    new = make_plan(parse_grid(grid), None, Machine("serial"), keep="scores")
    assert new.disk == 2 * estimate._RECORD


def test_name_and_source_of_a_measure_are_texts(unchecked):
    with pytest.raises(TypeError, match="expected source as text, got int 3"):
        measure("mine", source=3)
    with pytest.raises(TypeError, match="expected the name of a measure as text, got int 3"):
        measure(3, source="mine")


def test_classes_are_counted():
    low = np.array([True, True, True, False, False, False])
    dead = np.array([False, False, False, False, False, True])
    values = Classes(~low & ~dead, low, dead, 0.3, "rule").values()
    assert (values["low_ipr"], values["high_ipr"], values["dead"]) == (3, 2, 1)


def test_the_processor_is_named_where_the_system_does_not_tell(monkeypatch, tmp_path):
    monkeypatch.setattr(verdict, "_CPU_INFO", tmp_path / "absent")
    monkeypatch.setattr(verdict.platform, "machine", lambda: "riscv64")
    for known, told in (("", "riscv64"), ("a processor", "a processor")):
        monkeypatch.setattr(verdict.platform, "processor", lambda known=known: known)
        assert verdict.surroundings()["processor"] == told


def test_the_smallest_fourier_basis_is_of_two():
    """A sum and a difference; one number is none, nor is the unit matrix."""
    two = torch.tensor([[1.0, 1], [1, -1]]) / 2**0.5
    found = [cleaned._is_fourier_basis(one) for one in (two, torch.ones(1, 1), torch.eye(2))]
    assert found == [True, False, False]


def test_pairs_that_a_network_does_not_answer_count_as_wrong():
    known = SimpleNamespace(operations={"x + y": np.array([1, 2, 3])})
    fit = evidence.Evidence.fit(known, np.array([1, evidence.NONE, 3]))
    assert fit.share == pytest.approx(2 / 3)


@pytest.mark.parametrize("part", ["embed", "attention", "residual"])
@pytest.mark.parametrize("share", [-0.1, 1])
def test_a_dropout_is_a_share_below_one(part, share):
    name = f"model.dropout_{part}"
    with pytest.raises(ValueError, match=f"^{name}: expected "):
        tiny_config(model={"kind": "transformer", f"dropout_{part}": share})


def test_the_values_of_a_pickled_array_are_bytes():
    with pytest.raises(pickle.UnpicklingError, match="numpy values in str"):
        _Type("f4").values("text")


def test_an_argument_without_an_option_is_called_by_its_place():
    assert refusals._name(SimpleNamespace(argument=SimpleNamespace(name="--run-"))) == "RUN-"
    assert refusals._name(SimpleNamespace(argument=None)) == "value"


def test_the_allocator_is_told_what_is_asked_for_where_it_can_be(monkeypatch):
    told = []
    library = SimpleNamespace(mallopt=lambda *asked: told.append(asked))
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: library)
    memory.set_malloc({memory.ARENAS: 1, memory.TRIM_THRESHOLD: 5})
    assert told == [(-8, 1), (-1, 5)]  # M_ARENA_MAX and M_TRIM_THRESHOLD of malloc.h
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: SimpleNamespace())
    memory.set_malloc({memory.ARENAS: 1})
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: library)
    memory.set_malloc({memory.ARENAS: 1})
    assert len(told) == 2
