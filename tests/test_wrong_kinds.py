"""Every public function, called with a wrong kind in each of its arguments: one line of refusal."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import interp
from interp import figures
from interp.analysis.phases.phase import PhaseThresholds
from interp.analysis.sweeps.boundary import critical
from interp.training.data.dataset import make_dataset
from interp.training.runs.run import Run
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train

from .conftest import tiny_config

pytestmark = pytest.mark.usefixtures("unchecked", "for_a_while")

TASK = make_task("x + y", 11)
DATA = make_dataset(TASK, 0.6, 0.3)
OTHER = make_dataset(make_task("x - y", 7), 0.6)
GRID = {"base": {"task": {"p": 7}, "model": {"width": 4}, "steps": 1}, "seeds": 1}


class Linear(nn.Module):
    """A module on one-hot operands."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(22, 6), nn.Linear(6, 11)

    def forward(self, one_hot: torch.Tensor) -> torch.Tensor:
        return self.last(self.first(one_hot).relu())


class Things:
    """What right calls are made of."""

    def __init__(self, run: Run, out: Path) -> None:
        self.run, self.out = run, out
        self.network = run.network()
        self.table = interp.neuron_table(run)
        self.classes = interp.classify(self.table, float(np.median(self.table.ipr)))
        self.curves = interp.pruning_curve(run, draws=1)
        model = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 4}
        self.attending = train(tiny_config(model=model, steps=1))
        axes = {"data.fraction": [0.5, 0.6], "data.corruption": [0.0, 0.2]}
        grid = {"base": GRID["base"], "axes": axes}
        self.results = interp.sweep(grid, out / "swept", "serial")
        self.diagram = interp.phase_diagram(self.results)


@pytest.fixture(scope="module")
def things(tiny_run, tmp_path_factory):
    return Things(tiny_run, tmp_path_factory.mktemp("things"))


def adding(decorator: Callable[[Any], Any]) -> Callable[..., Any]:
    """The decorator by itself, whose argument is what it stands on."""
    return lambda function: decorator(function)


# A call of each: the function, and its arguments by name. Where a right call would take long, one
# of them is wrong already, and is checked after the others.
Call = Callable[[Things], tuple[Callable[..., Any], Mapping[str, Any]]]
CALLS: dict[str, Call] = {
    "RunConfig": lambda t: (
        interp.RunConfig,
        {"task": {"p": 11}, "data": {}, "model": {}, "steps": 3},
    ),
    "train": lambda t: (
        interp.train,
        {"config": None, "out": None, "progress": None, "device": "nowhere", "callbacks": ()},
    ),
    "train_many": lambda t: (
        interp.train_many,
        {"configs": None, "outs": None, "progress": None, "device": "nowhere", "run_axis": None},
    ),
    "load": lambda t: (interp.load, {"path": t.run.path, "module": None}),
    "make_task": lambda t: (
        make_task,
        {"operation": [[0, 1], [1, 0]], "p": None, "n_answers": None, "name": None},
    ),
    "make_task by name": lambda t: (make_task, {"operation": "x + y", "p": 11}),
    "make_dataset": lambda t: (
        make_dataset,
        {"task": TASK, "fraction": 0.5, "corruption": 0.1, "kind": "uniform", "split_seed": 0},
    ),
    "given_dataset": lambda t: (
        interp.given_dataset,
        {"task": TASK, "labels": None, "is_train": None, "is_redrawn": None},
    ),
    "analytic_network": lambda t: (
        interp.analytic_network,
        {"task": TASK, "width": 8, "seed": 0, "scale": None},
    ),
    "as_checkpoint": lambda t: (
        interp.as_checkpoint,
        {"source": t.network, "step": None, "dataset": None, "loss": None},
    ),
    "scores": lambda t: (
        interp.scores,
        {"source": t.network, "dataset": DATA, "loss": None, "step": None},
    ),
    "scores of a module": lambda t: (interp.scores, {"source": Linear(), "dataset": DATA}),
    "neuron_table": lambda t: (
        interp.neuron_table,
        {"source": t.run, "step": None, "convention": "irrep", "r": 2, "group": None, "layer": 0},
    ),
    "classify": lambda t: (interp.classify, {"table": t.table, "rule": "null", "quantile": 0.9}),
    "ipr": lambda t: (
        interp.ipr,
        {"curves": np.arange(11.0), "r": 2, "convention": "irrep", "basis": None},
    ),
    "null_ipr": lambda t: (
        interp.null_ipr,
        {"elements": 5, "curves": 3, "convention": "irrep", "r": 2, "draws": 9, "seed": 0},
    ),
    "embedding_table": lambda t: (
        interp.embedding_table,
        {"source": t.run, "step": None, "convention": "irrep", "r": 2, "group": None},
    ),
    "prune": lambda t: (interp.prune, {"source": t.run, "keep": [1], "layer": 0}),
    "prune_by_class": lambda t: (
        interp.prune_by_class,
        {
            "source": t.run,
            "table": t.table,
            "classes": t.classes,
            "dataset": None,
            "draws": 1,
            "seed": 0,
        },
    ),
    "pruning_curve": lambda t: (
        interp.pruning_curve,
        {
            "source": t.run,
            "dataset": None,
            "step": None,
            "layer": 0,
            "table": None,
            "draws": 0,
            "seed": 0,
            "orders": None,
            "losses": True,
            "sizes": (),
        },
    ),
    "head_ablation": lambda t: (
        interp.head_ablation,
        {"source": t.attending, "how": "mean", "dataset": None, "step": None},
    ),
    "phase": lambda t: (interp.phase, {"run": t.run, "step": None, "thresholds": None}),
    "dynamics": lambda t: (
        interp.dynamics,
        {"run": t.run, "convention": "irrep", "grok_accuracy": 0.9, "layer": 0},
    ),
    "history": lambda t: (
        interp.history,
        {"run": t.run, "name": "bands", "steps": [30], "watch": None},
    ),
    "measures": lambda t: (interp.measures["bands"], {"source": t.run}),
    "measures by name": lambda t: (lambda name: interp.measures[name], {"name": "bands"}),
    "Numbers": lambda t: (
        interp.Numbers,
        {"numbers": {"a": 1.0}, "caption": "c", "control": {}, "title": "t"},
    ),
    "sweep": lambda t: (
        interp.sweep,
        {
            "grid": GRID,
            "out": t.out / "s",
            "machine": "serial",
            "keep": "s",
            "shard": None,
            "watch": None,
        },
    ),
    "Machine": lambda t: (
        interp.Machine,
        {"executor": "serial", "workers": None, "threads": 1, "device": "cpu", "address": None},
    ),
    "phase_diagram": lambda t: (
        interp.phase_diagram,
        {
            "results": t.results,
            "x": "data.fraction",
            "y": "data.corruption",
            "panel": None,
            "where": None,
        },
    ),
    "reproduce": lambda t: (
        interp.reproduce,
        {"name": "analytic", "out": t.out / "r", "budget": "b", "seeds": None, "machine": "serial"},
    ),
    "import_checkpoint": lambda t: (
        interp.import_checkpoint,
        {
            "source": {},
            "out": None,
            "layout": "auto",
            "operation": None,
            "data": None,
            "known": None,
        },
    ),
    "adapt": lambda t: (
        interp.adapt,
        {
            "module": Linear(),
            "task": TASK,
            "neurons": "first",
            "inputs": "one-hot",
            "state": None,
            "arguments": None,
        },
    ),
    "to_bridge": lambda t: (interp.to_bridge, {"network": None}),
    "report": lambda t: (
        interp.report,
        {
            "run": t.run,
            "out": t.out / "r",
            "threshold": 0.3,
            "draws": 1,
            "layer": 9,
            "measures": (),
        },
    ),
    "explore": lambda t: (interp.explore, {"folder": "nowhere", "port": 1, "open_browser": False}),
    "explore: say": lambda t: (interp.explore, {"folder": "nowhere", "say": None}),
    "measure": lambda t: (
        interp.measure,
        {"name": "own", "reads": "run", "source": "", "refuses": None, "version": 1},
    ),
    "operation": lambda t: (
        interp.operation,
        {
            "name": "own",
            "group": "cyclic",
            "needs_prime": False,
            "domain": None,
            "second_sign": None,
        },
    ),
    "loss": lambda t: (interp.loss, {"name": "own", "label": None, "unit": ""}),
    "activation": lambda t: (interp.activation, {"name": "own"}),
    "ranking": lambda t: (interp.ranking, {"name": "own"}),
    "figure": lambda t: (interp.figure, {"kind": int}),
    "@measure": lambda t: (adding(interp.measure("own")), {"function": None}),
    "@operation": lambda t: (adding(interp.operation("own")), {"function": None}),
    "@loss": lambda t: (adding(interp.loss("own")), {"function": None}),
    "@activation": lambda t: (adding(interp.activation("own")), {"function": None}),
    "@ranking": lambda t: (adding(interp.ranking("own")), {"function": None}),
    "@figure": lambda t: (adding(interp.figure(PhaseThresholds)), {"function": None}),
    "Run.checkpoint": lambda t: (t.run.checkpoint, {"step": None}),
    "Run.network": lambda t: (t.run.network, {"step": None}),
    "Run.measurement": lambda t: (t.run.measurement, {"step": None}),
    "Checkpoint.beside": lambda t: (t.run.checkpoint().beside, {"dataset": None, "loss": None}),
    "RunConfig.replace": lambda t: (
        lambda a, b: t.run.config.replace(a, b),
        {"a": "steps", "b": 3},
    ),
    "Dataset.labels": lambda t: (DATA.labels, {"split": "test"}),
    "Dataset.members": lambda t: (DATA.members, {"split": "test"}),
    "Scores[…]": lambda t: (lambda name: t.run.measurement().scores[name], {"name": "test"}),
    "PruningCurves[…]": lambda t: (lambda key: t.curves[key], {"key": ("IPR", "lowest")}),
    "critical": lambda t: (critical, {"results": None}),
    "figures.save": lambda t: (
        figures.save,
        {"figure": None, "path": t.out / "a.html", "div_id": "a", "template": "screen"},
    ),
    "figures.save_all": lambda t: (
        figures.save_all,
        {"figures": None, "path": t.out / "a.html", "title": "t", "template": "screen"},
    ),
    "figures.save_page": lambda t: (
        figures.save_page,
        {"figures": None, "path": t.out / "a.html", "title": "t"},
    ),
    "figures.paper": lambda t: (figures.paper, {"figure": None, "columns": 1}),
    "figures.answer_planes": lambda t: (figures.answer_planes, {"planes": None}),
    "figures.dense_phase_diagram": lambda t: (figures.dense_phase_diagram, {"diagram": None}),
    "figures.embedding_spectrum": lambda t: (figures.embedding_spectrum, {"embeddings": None}),
    "figures.head_ablation": lambda t: (figures.head_ablation, {"result": None}),
    "figures.ipr_dynamics": lambda t: (
        figures.ipr_dynamics,
        {"history": interp.dynamics(t.run), "classes": None},
    ),
    "figures.ipr_histogram": lambda t: (
        figures.ipr_histogram,
        {"table": t.table, "classes": None, "bins": 50, "null": False},
    ),
    "figures.neuron_curves": lambda t: (figures.neuron_curves, {"table": t.table, "neuron": 99}),
    "figures.norm_weights": lambda t: (figures.norm_weights, {"table": None, "classes": None}),
    "figures.phase_diagram": lambda t: (
        figures.phase_diagram,
        {"diagram": t.diagram, "boundary": None},
    ),
    "figures.phase_scores": lambda t: (figures.phase_scores, {"diagram": None}),
    "figures.pruning_curve": lambda t: (
        figures.pruning_curve,
        {"curve": t.curves["IPR", "lowest"], "metric": "mean"},
    ),
    "figures.pruning_curves": lambda t: (
        figures.pruning_curves,
        {"curves": t.curves, "metric": "mean", "pruned": None},
    ),
    "figures.spectra_heatmap": lambda t: (
        figures.spectra_heatmap,
        {"table": t.table, "classes": OTHER},
    ),
    "figures.training_curves": lambda t: (figures.training_curves, {"run": None}),
}

WRONG: dict[str, Any] = {
    "None": None,
    "text": "nonsense",
    "a path": Path("nowhere"),
    "a mapping": {"a": 1},
    "a list": [{}],
    "ragged": [[1, 2], [3]],
    "below 0": -1,
    "no whole number": 2.5,
    "too much": 10**30,
    "NaN": float("nan"),
    "True": True,
    "a tensor": torch.zeros(3),
    "an empty array": np.zeros(0),
    "objects": np.array([None, {}], dtype=object),
    "an object": object(),
    "a dataset of another task": OTHER,
    "a run": None,  # filled in, as are these
    "a checkpoint": None,
    "a network": None,
    "a table": None,
}

# What refuses, and what an error says that speaks of our code instead.
OURS = (ValueError, TypeError, MemoryError)
INTERNALS = re.compile(
    r"has no attribute|unsupported operand|not subscriptable|has no len|is not iterable|"
    r"unexpected keyword|unhashable|not callable|unpack|is ambiguous|inhomogeneous|broadcast|"
    r"not supported between|os\.PathLike|could not convert|embedding_bag|required positional"
)


def wrong_ones(things: Things) -> dict[str, Any]:
    filled = {
        "a run": things.run,
        "a checkpoint": things.run.checkpoint(),
        "a network": things.network,
        "a table": things.table,
    }
    return {**WRONG, **filled}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore")
def test_wrong_kinds_are_refused_in_one_line(name, things, tmp_path, monkeypatch):
    """Or taken, where they are of a right kind; neither ends in words of our code."""
    monkeypatch.chdir(tmp_path)
    function, arguments = CALLS[name](things)
    for argument in arguments:
        for kind, value in wrong_ones(things).items():
            if argument in ("watch", "progress", "say") and callable(value):
                continue  # a network can be called
            try:
                function(**{**arguments, argument: value})
            except OURS as error:
                said = str(error)
                assert "\n" not in said, (argument, kind, said)
                assert not INTERNALS.search(said), (argument, kind, said)
            except Exception as error:
                raise AssertionError(f"{argument}: {kind}: {type(error).__name__}") from error


def test_every_public_function_is_called():
    tried = {name.partition(" ")[0].partition(":")[0] for name in CALLS}
    public = {name for name in interp.__all__ if name != "figures"}
    drawn = {f"figures.{name}" for name in figures.__all__}
    assert public | drawn <= tried


REFUSED: dict[str, tuple[Callable[[Things], Any], str]] = {
    "ipr of nothing": (lambda t: interp.ipr([]), "curves: expected at least 1 element, got"),
    "a table's r": (
        lambda t: interp.neuron_table(t.run, r="2"),
        "IPR exponent r: expected a number above 1, got '2'",
    ),
    "train of a mapping": (
        lambda t: interp.train({"steps": 3}),
        "expected a run configuration, such as interp.RunConfig(steps=100), got dict {'steps': 3}",
    ),
    "classes of a run": (
        lambda t: interp.classify(t.run),
        "expected a neuron table, such as interp.neuron_table(run), got Run",
    ),
    "arguments in another order": (
        lambda t: interp.scores(t.network, t.network),
        "expected a dataset, such as interp.make_dataset(task, 0.5), got MLP",
    ),
    "another task": (
        lambda t: interp.scores(t.network, OTHER),
        "dataset: expected one of x + y mod 11, got one of x - y mod 7",
    ),
    "a module that takes no pairs": (
        lambda t: interp.scores(Linear(), DATA),
        "network: expected a module of (pair, 2) operands that gives (pair, answer) logits; Linear",
    ),
    "a module without parameters": (
        lambda t: interp.scores(nn.ReLU(), DATA),
        "network: expected one with parameters, got ReLU",
    ),
    "logits that are none": (
        lambda t: interp.scores(Pairs(), DATA),
        "logits: expected shape (121, 11), got tuple",
    ),
    "a modulus too large": (
        lambda t: make_task("x + y", 10**6),
        "task.p: expected at most 2048, got 1000000",
    ),
    "a formula of one operand": (
        lambda t: make_task(lambda x: x, 5),
        "task.operation: expected a function (x, y, p) -> answers of arrays, got",
    ),
    "half an order": (
        lambda t: interp.pruning_curve(t.run, orders=["IPR"]),
        "orders: expected some such as ('IPR', 'lowest'), got 'IPR'",
    ),
    "no truth value": (
        lambda t: interp.pruning_curve(t.run, losses="no"),
        "losses: expected True or False, got 'no'",
    ),
    "no list": (
        lambda t: interp.pruning_curve(t.run, sizes=3),
        "expected sizes as a list, got int",
    ),
    "no function": (
        lambda t: interp.history(t.run, "bands", watch=3),
        "expected watch as a function, got int 3",
    ),
    "no name": (lambda t: interp.loss(abs), "expected the name of a loss as text, got"),
    "a decorator without its name": (
        lambda t: interp.ranking("own")("x"),
        "expected a function to add, got str 'x'",
    ),
    "ignored": (
        lambda t: interp.classify(t.table, 0.3, quantile=0.9),
        "quantile: expected with the rule null alone, got 0.9",
    ),
    "ragged numbers": (
        lambda t: make_task([[0, 1], [1]]),
        "expected an array of numbers, with rows of one length, got [[0, 1], [1]]",
    ),
    "a module for a network of ours": (
        lambda t: interp.load(t.run.path, module=Linear()),
        "module: expected none for kind mlp, which is made here",
    ),
    "too wide": (
        # 3 curves over 11 residues of 10¹² neurons in float64: 264·10¹² bytes.
        lambda t: interp.analytic_network(TASK, 10**12),
        "an analytic network of width 1,000,000,000,000 needs at least 240 TiB of memory",
    ),
    "a long draw": (
        lambda t: interp.null_ipr(10**12, draws=1),
        "one draw of 3 curves of 1,000,000,000,000 elements needs at least 21.8 TiB of memory",
    ),
    "too many draws": (
        lambda t: interp.pruning_curve(t.run, draws=10**30),
        "draws: expected at most 10000000, got 1000000000000000000000000000000",
    ),
}


class Pairs(Linear):
    """A module that gives something else than logits."""

    def forward(self, pairs):
        return (pairs,)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_said(name, things):
    call, message = REFUSED[name]
    with pytest.raises(OURS, match=re.escape(message)):
        call(things)


def test_tensors_and_lists_are_curves_too():
    values = [3.0, 1.0, 4.0, 1.0, 5.0]
    expected = interp.ipr(np.array(values))
    assert interp.ipr(values) == expected
    assert interp.ipr(torch.tensor(values, requires_grad=True, dtype=torch.float64)) == expected
    assert make_task(torch.tensor([[0, 1], [1, 0]])) == make_task([[0, 1], [1, 0]])
