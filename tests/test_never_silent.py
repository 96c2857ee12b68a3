"""What cannot be meant is refused: unknown words, numbers that are none, masks of two readings,
tables, classes and datasets of another network."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest
import torch
from torch import nn

import interp
from interp import figures
from interp.analysis.ablation.at_threshold import scores_at
from interp.analysis.ablation.heads import ablate_heads
from interp.analysis.fourier.ipr import gini
from interp.analysis.fourier.null import null_of_blocks
from interp.analysis.neurons.table import NeuronTable
from interp.analysis.phases.phase import PhaseThresholds
from interp.analysis.sweeps.boundary import critical
from interp.exchange.publishing import publish
from interp.figures.pruning_history import pruning_history
from interp.training.arguments import number, share, whole, word
from interp.training.config.run_config import parse_config
from interp.training.data.dataset import make_dataset
from interp.training.evaluation import Evaluation
from interp.training.models.digest import weights_digest
from interp.training.runs.made import made_run
from interp.training.runs.run import load
from interp.training.runs.tensor_file import load_weights
from interp.training.sweep.sweep import Shard
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train

from .conftest import plain_mlp, tiny_config

pytestmark = [
    pytest.mark.usefixtures("unchecked"),
    # Of networks of a moment: whether there are two classes is not what is asked here.
    pytest.mark.filterwarnings("ignore::interp.analysis.neurons.classify.NotBimodalWarning"),
]

TASK = make_task("x + y", 11)
DATA = make_dataset(TASK, 0.6, 0.3)
BUILT = interp.analytic_network(TASK, 8)
CURVE = np.cos(np.arange(11))
GRID = {"base": {"task": {"p": 7}, "model": {"width": 4}, "steps": 1}}
BANDS = interp.measures["bands"]


def refused(message: str):
    return pytest.raises(ValueError, match=re.escape(message))


def configured(path: str):
    return lambda run, out, name: interp.RunConfig().replace(path, name)


# What is asked for by a word: the word as it is right, and the call that takes it.
class Linear(nn.Module):
    """A module on one-hot operands."""

    def __init__(self) -> None:
        super().__init__()
        p = DATA.task.p
        self.first, self.last = nn.Linear(2 * p, 6), nn.Linear(6, p)

    def forward(self, one_hot):
        return self.last(self.first(one_hot).relu())


WORDS = {
    "scores: loss": ("mse", lambda run, out, name: interp.scores(BUILT, DATA, name)),
    "as_checkpoint: loss": (
        "mse",
        lambda run, out, name: interp.as_checkpoint(run, loss=name).scores,
    ),
    "Evaluation: loss": ("cross_entropy", lambda run, out, name: Evaluation(DATA, name)),
    "pruning_curve: orders, ranking": (
        "IPR",
        lambda run, out, name: interp.pruning_curve(run, draws=0, orders=[(name, "lowest")]),
    ),
    "pruning_curve: orders": (
        "lowest",
        lambda run, out, name: interp.pruning_curve(run, draws=0, orders=[("IPR", name)]),
    ),
    "Dataset.labels": ("train", lambda run, out, name: DATA.labels(name)),
    "Dataset.members": ("corrupted", lambda run, out, name: DATA.members(name)),
    "Scores[…]": ("test", lambda run, out, name: run.measurement().scores[name]),
    "ipr: convention": ("two-sided", lambda run, out, name: interp.ipr(CURVE, convention=name)),
    "gini: convention": ("one-sided", lambda run, out, name: gini(CURVE, name)),
    "null_ipr: convention": (
        "irrep",
        lambda run, out, name: interp.null_ipr(11, draws=9, convention=name),
    ),
    "null_of_blocks: convention": (
        "irrep",
        lambda run, out, name: null_of_blocks((1, 2), draws=9, convention=name),
    ),
    "neuron_table: convention": (
        "two-sided",
        lambda run, out, name: interp.neuron_table(run, convention=name),
    ),
    "embedding_table: convention": (
        "two-sided",
        lambda run, out, name: interp.embedding_table(run, convention=name),
    ),
    "dynamics: convention": (
        "two-sided",
        lambda run, out, name: interp.dynamics(run, convention=name),
    ),
    "neuron_table: group": ("cyclic", lambda run, out, name: interp.neuron_table(run, group=name)),
    "embedding_table: group": (
        "cyclic",
        lambda run, out, name: interp.embedding_table(run, group=name),
    ),
    "operation: group": ("cyclic", lambda run, out, name: interp.operation("own", group=name)),
    "make_dataset: kind": ("wrong", lambda run, out, name: make_dataset(TASK, 0.5, 0.5, name)),
    "classify: rule": (
        "auto",
        lambda run, out, name: interp.classify(interp.neuron_table(run, 0), name),
    ),
    "report: threshold": (
        "auto",
        lambda run, out, name: interp.report(run, out / "a.html", threshold=name, draws=1),
    ),
    "measure: reads": ("run", lambda run, out, name: interp.measure("own", reads=name)),
    "history: name": ("bands", lambda run, out, name: interp.history(run, name, steps=[30])),
    "report: measures": (
        "bands",
        lambda run, out, name: interp.report(run, out / "a.html", 0.3, 1, measures=name),
    ),
    "sweep: grid": (
        "bands",
        lambda run, out, name: interp.sweep({**GRID, "measures": [name]}, out / "s", "serial"),
    ),
    "head_ablation: how": (
        "mean",
        lambda run, out, name: interp.head_ablation(attending(), name, DATA),
    ),
    "ablate_heads: how": (
        "zero",
        lambda run, out, name: ablate_heads(attending(), [(0, 1)], name, DATA),
    ),
    "training_curves: metric": (
        "loss",
        lambda run, out, name: figures.training_curves({"a": run, "b": two_steps()}, metric=name),
    ),
    "pruning_curves: metric": (
        "loss",
        lambda run, out, name: figures.pruning_curves(curves(run), metric=name),
    ),
    "pruning_curve: metric": (
        "accuracy",
        lambda run, out, name: figures.pruning_curve(curves(run)["IPR", "lowest"], metric=name),
    ),
    "pruning_history: split": (
        "test",
        lambda run, out, name: pruning_history(interp.measures["pruning_history"](run), name),
    ),
    "save: template": (
        "paper",
        lambda run, out, name: figures.save(run.plot(), out / "a.html", template=name),
    ),
    "save_all: template": (
        "paper",
        lambda run, out, name: figures.save_all([run.plot()], out / "a.html", "t", template=name),
    ),
    "train: device": ("cpu", lambda run, out, name: train(tiny_config(steps=1), device=name)),
    "train_many: device": (
        "cpu",
        lambda run, out, name: interp.train_many([tiny_config(steps=1)], device=name),
    ),
    "Machine: executor": ("serial", lambda run, out, name: interp.Machine(name)),
    "Machine: device": ("cpu", lambda run, out, name: interp.Machine(device=name)),
    "sweep: machine": ("serial", lambda run, out, name: interp.sweep(GRID, out / "s", name)),
    "reproduce: machine": (
        "serial",
        lambda run, out, name: interp.reproduce("analytic", out, machine=name),
    ),
    "sweep: keep": (
        "scores",
        lambda run, out, name: interp.sweep(GRID, out / "s", "serial", keep=name),
    ),
    "reproduce: budget": (
        "quick",
        lambda run, out, name: interp.reproduce("analytic", out, budget=name),
    ),
    "publish: checkpoints": (
        "all",
        lambda run, out, name: publish(run, out / "p", checkpoints=name),
    ),
    "loss": ("mse", configured("loss")),
    "dtype": ("float64", configured("dtype")),
    "precision": ("high", configured("precision")),
    "data.kind": ("wrong", configured("data.kind")),
    "model.kind": ("mlp", configured("model.kind")),
    "model.activation": ("relu", configured("model.activation")),
    "model.norm": ("batch", configured("model.norm")),
    "model.norm_at": ("pre", configured("model.norm_at")),
    "model.dropout_at": ("post", configured("model.dropout_at")),
    "model.init": ("lazy", configured("model.init")),
    "optimizer.name": ("sgd", configured("optimizer.name")),
    "optimizer.lr_schedule": ("cosine", configured("optimizer.lr_schedule")),
    "critical: inside": (
        "confusion",
        lambda run, out, name: critical(swept(out), inside={name}),
    ),
    "phase_diagram: x": (
        "data.fraction",
        lambda run, out, name: interp.phase_diagram(swept(out), x=name),
    ),
    "adapt: inputs": (
        "one-hot",
        lambda run, out, name: interp.adapt(Linear(), DATA.task, neurons="first", inputs=name),
    ),
    "phase_diagram: y": (
        "data.corruption",
        lambda run, out, name: interp.phase_diagram(swept(out), y=name),
    ),
}

# Right only where more is at hand than a test of a moment has.
SLOW = {"reproduce: budget", "publish: checkpoints", "report: threshold", "report: measures"}
SLOW |= {"pruning_history: split", "reproduce: machine"}


def attending():
    config = tiny_config(model={"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 4})
    return train(config.replace("steps", 1)).network()


def two_steps():
    return train(tiny_config(optimizer={"weight_decay": 2.0}).replace("steps", 2))


def curves(run):
    return interp.pruning_curve(run, draws=1)


def swept(out):
    axes = {"data.fraction": [0.5, 0.6], "data.corruption": [0.0, 0.2]}
    return interp.sweep({**GRID, "axes": axes}, out / "swept", "serial")


@pytest.mark.parametrize("asked", WORDS)
def test_a_word_is_taken_as_it_is_written_and_no_other(asked, tiny_run, tmp_path):
    """In another case it is none, and told which it may have been; neither is nonsense."""
    right, call = WORDS[asked]
    if asked not in SLOW:
        call(tiny_run, tmp_path, right)
    for wrong in (right.swapcase(), right.title(), "nonsense", "", f"{right} "):
        if wrong != right:
            with pytest.raises(ValueError, match=r"(expected|unknown) ") as caught:
                call(tiny_run, tmp_path, wrong)
            assert right in str(caught.value).replace("test_accuracy", ""), "says what there is"


# Arguments that are words of the user's own, places, or texts with a grammar of their own.
FREE = {"name", "label", "unit", "title", "div_id", "address", "source", "operation", "layout"}
FREE |= {
    "say",
    "result",
    "where",
    "out",
    "outs",
    "path",
    "folder",
    "run",
    "shard",
    "panel",
    "steps",
    *("neurons", "state", "arguments"),  # of somebody's module
}


def test_every_word_that_a_public_function_takes_is_tried():
    """A new argument of words needs a row above."""
    asked = set()
    for module in (interp, figures):
        for name in module.__all__:
            function = getattr(module, name)
            if inspect.isfunction(function) or name == "Machine":
                for one in inspect.signature(function).parameters.values():
                    words = r"\bstr\b|Literal|Name\b|Convention|Kind|Ablation|Metric|Template|Rule"
                    if re.search(rf"{words}|Budget|Keep|Reads|MachineLike", str(one.annotation)):
                        asked.add(f"{name}: {one.name}")
    known = set(WORDS) | {one for one in asked if one.partition(": ")[2] in FREE}
    assert (
        asked - known - {"paper: columns", "operation: second_sign", "import_checkpoint: data"}
        == set()
    )


def as_key(value):
    return tuple(value) if isinstance(value, list) else value


NONE = (True, "3", 2.5, -1, None, float("nan"), [3])
WHOLE = {
    "Run.checkpoint": lambda run, out, n: run.checkpoint(n),
    "Run.network": lambda run, out, n: run.network(n),
    "Run.measurement": lambda run, out, n: run.measurement(n),
    "neuron_table: step": lambda run, out, n: interp.neuron_table(run, n),
    "embedding_table: step": lambda run, out, n: interp.embedding_table(run, n),
    "scores: step": lambda run, out, n: interp.scores(run, step=n),
    "pruning_curve: step": lambda run, out, n: interp.pruning_curve(run, step=n, draws=1),
    "as_checkpoint: step": lambda run, out, n: interp.as_checkpoint(run, n),
    "as_checkpoint of a network: step": lambda run, out, n: interp.as_checkpoint(BUILT, n),
    "phase: step": lambda run, out, n: interp.phase(run, n),
    "a measure: step": lambda run, out, n: BANDS(run, n),
    "history: steps": lambda run, out, n: interp.history(run, "bands", steps=[n]),
    "made_run: step": lambda run, out, n: made_run(run.config, DATA, {as_key(n): BUILT}),
    "neuron_table: layer": lambda run, out, n: interp.neuron_table(run, layer=n),
    "pruning_curve: layer": lambda run, out, n: interp.pruning_curve(run, layer=n),
    "prune: layer": lambda run, out, n: interp.prune(run, [1], layer=n),
    "pruning_curve: draws": lambda run, out, n: interp.pruning_curve(run, draws=n),
    "pruning_curve: seed": lambda run, out, n: interp.pruning_curve(run, draws=1, seed=n),
    "pruning_curve: sizes": lambda run, out, n: interp.pruning_curve(run, draws=1, sizes=[n]),
    "prune_by_class: draws": lambda run, out, n: by_class(run, draws=n),
    "prune_by_class: seed": lambda run, out, n: by_class(run, draws=1, seed=n),
    "classify: count": lambda run, out, n: interp.classify(interp.neuron_table(run), count=n),
    "null_ipr: elements": lambda run, out, n: interp.null_ipr(n, draws=9),
    "null_ipr: curves": lambda run, out, n: interp.null_ipr(5, n, draws=9),
    "null_ipr: draws": lambda run, out, n: interp.null_ipr(5, draws=n),
    "null_ipr: seed": lambda run, out, n: interp.null_ipr(5, draws=9, seed=n),
    "make_dataset: split_seed": lambda run, out, n: make_dataset(TASK, 0.5, split_seed=n),
    "make_dataset: corruption_seed": lambda run, out, n: make_dataset(TASK, 0.5, corruption_seed=n),
    "analytic_network: width": lambda run, out, n: interp.analytic_network(TASK, n),
    "analytic_network: seed": lambda run, out, n: interp.analytic_network(TASK, 8, seed=n),
    "make_task: p": lambda run, out, n: make_task("x + y", n),
    "sweep: refine": lambda run, out, n: interp.sweep(GRID, out / "s", refine=n),
    "Shard": lambda run, out, n: Shard(0, n),
    "Machine: workers": lambda run, out, n: interp.Machine("processes", workers=n),
    "Machine: threads": lambda run, out, n: interp.Machine(threads=n),
    "reproduce: seeds": lambda run, out, n: interp.reproduce("analytic", out, seeds=n),
    "report: draws": lambda run, out, n: interp.report(run, out / "a.html", draws=n),
    "report: pruned_checkpoints": lambda run, out, n: interp.report(
        run, out / "a.html", 0.3, 1, pruned_checkpoints=n
    ),
    "ipr_histogram: bins": lambda run, out, n: figures.ipr_histogram(
        interp.neuron_table(run), bins=n
    ),
    "neuron_curves: neuron": lambda run, out, n: figures.neuron_curves(interp.neuron_table(run), n),
    "pruning_curves: pruned": lambda run, out, n: figures.pruning_curves(curves(run), pruned=n),
}
# Where None stands for the default.
OPEN = {name for name in WHOLE if re.search("step$|Run|draws|workers|seeds|pruned$|y: cou", name)}
OPEN -= {"null_ipr: draws", "made_run: step"}


@pytest.mark.parametrize("asked", WHOLE)
def test_what_is_counted_is_a_whole_number(asked, tiny_run, tmp_path):
    """Not True, which would count as 1, nor a text, nor a number below."""
    for value in NONE:
        if value is not None or asked not in OPEN:
            with refused("expected ") as caught:
                WHOLE[asked](tiny_run, tmp_path, value)
            assert repr(value) in str(caught.value) or value == [3]
    assert not list(tmp_path.iterdir())


SHARES = {
    "make_dataset: fraction": lambda run, x: make_dataset(TASK, x),
    "make_dataset: corruption": lambda run, x: make_dataset(TASK, 0.5, x),
    "classify: rule": lambda run, x: interp.classify(interp.neuron_table(run), x),
    "classify: quantile": lambda run, x: interp.classify(interp.neuron_table(run), "null", x),
    "classify: share": lambda run, x: interp.classify(interp.neuron_table(run), share=x),
    "dynamics: grok_accuracy": lambda run, x: interp.dynamics(run, grok_accuracy=x),
    "needed: accuracy": lambda run, x: interp.measures["needed"](run, accuracy=x),
    "grok: level": lambda run, x: interp.measures["grok"](run, level=x),
    "pruning: lowest": lambda run, x: interp.measures["pruning"](run, lowest=x, draws=1),
    "pruning: highest": lambda run, x: interp.measures["pruning"](run, highest=x, draws=1),
    "PhaseThresholds: test": lambda run, x: PhaseThresholds(test=x),
    "PhaseThresholds: train": lambda run, x: PhaseThresholds(train=x),
}


@pytest.mark.parametrize("asked", SHARES)
def test_a_share_lies_between_0_and_1(asked, tiny_run):
    for value in (float("nan"), -0.1, 1.5, True, "half", float("inf")):
        with pytest.raises(ValueError, match=r"expected |should be a valid number"):
            SHARES[asked](tiny_run, value)


def test_numbers_that_are_none(tiny_run):
    with refused("phase threshold margin: expected a finite number, got nan"):
        PhaseThresholds(margin=float("nan"))
    with refused("threshold: expected a finite number, got nan"):
        scores_at(curves(tiny_run), interp.neuron_table(tiny_run), float("nan"))
    for scale in (0, -1.0):
        with refused(f"scale: expected a number above 0, got {scale}"):
            interp.analytic_network(TASK, 8, scale=scale)
    with refused("scale: expected a finite number, got inf"):
        interp.analytic_network(TASK, 8, scale=float("inf"))
    with refused("second_sign: expected 1, -1 or None, got 2"):
        interp.operation("own", second_sign=2)
    with refused("sizes: expected 0 to 16 pruned neurons, got 17"):
        interp.pruning_curve(tiny_run, sizes=[17])
    with refused("pruned: expected 0 to 16 neurons, got 17"):
        figures.pruning_curves(curves(tiny_run), pruned=17)
    with refused("steps: expected at least one checkpoint's, got none"):
        interp.history(tiny_run, "bands", steps=[])
    with refused("layer: expected no truth value, got True"):
        BANDS(tiny_run, layer=True)
    for r in (float("inf"), True, "2", None):
        with refused(f"IPR exponent r: expected a number above 1, got {r!r}"):
            interp.ipr(CURVE, r)


def test_arguments_by_themselves():
    assert [whole(3, "n"), whole(np.int32(3), "n")] == [3, 3]
    assert [number(np.float32(0.5), "x"), number(2, "x"), share(1, "x")] == [0.5, 2.0, 1.0]
    with refused("n: expected a whole number of at least 4, got 3"):
        whole(3, "n", least=4)
    with refused("x: expected a number between 0 and 1, got False"):
        share(False, "x")
    assert word("a b", ["c", "a b"], "w") == "a b"
    with refused("w: expected c or a b, got 'A b'; nearest is a b"):
        word("A b", ["c", "a b"], "w")
    with refused("w: expected c, got ['c']"):
        word(["c"], ["c"], "w")


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (
            np.ones(16),
            "keep: expected a mask of truth values or whole neuron indices, got float64 of",
        ),
        ([0.0, 1.0], "whole neuron indices, got float64 of shape (2,)"),
        ([1 + 0j], "whole neuron indices, got complex128 of shape (1,)"),
        (
            np.arange(16) % 2,
            "keep: 16 numbers 0 and 1 can be a mask of 16 neurons or the indices 0 and",
        ),
        (
            np.zeros(16, np.uint8),
            "neurons or the indices 0 and 1; expected keep.astype(bool), or indices each once",
        ),
        ([3, 5, 3], "keep: expected each neuron once, got 3 twice"),
        ([-1], "keep: expected neuron indices from 0 to 15, got [-1]"),
        ([[0, 1]], "whole neuron indices, got int64 of shape (1, 2)"),
        (3, "whole neuron indices, got int 3"),
        ("all", "whole neuron indices, got str 'all'"),
        (None, "whole neuron indices, got NoneType None"),
        ([None] * 16, "whole neuron indices, got list"),
        ([True] * 15, "keep: expected a mask of 16 neurons, got shape (15,)"),
    ],
)
def test_what_to_keep_has_one_reading(tiny_run, keep, message):
    with refused(message):
        interp.prune(tiny_run, keep)


def test_what_to_keep_as_mask_and_as_indices(tiny_run):
    mask = np.zeros(16, dtype=bool)
    mask[[2, 7]] = True
    for keep in (
        mask,
        mask.tolist(),
        torch.tensor(mask),
        [2, 7],
        (7, 2),
        np.array([2, 7], np.uint8),
    ):
        pruned = interp.prune(tiny_run, keep)
        alive = (pruned.layers[0].W_in.abs().sum(dim=0) > 0).numpy()
        np.testing.assert_array_equal(alive, mask)
    assert not interp.prune(tiny_run, []).layers[0].W_in.any()


def by_class(run, **options):
    table = interp.neuron_table(run)
    return interp.prune_by_class(run, table, halves(table), **options)


def halves(table):
    return interp.classify(table, float(np.median(table.ipr)))


@pytest.fixture(scope="module")
def sibling():
    """The same shapes as the tiny run's, other weights."""
    return train(tiny_config(seed=1))


def test_a_table_of_another_network_is_refused(tiny_run, sibling):
    table, other = interp.neuron_table(tiny_run), interp.neuron_table(sibling)
    message = "table: expected that of this network, got one of other weights (run, step 30)"
    with refused(message):
        interp.prune_by_class(tiny_run, other, halves(other))
    with refused(message):
        interp.pruning_curve(tiny_run, table=other, draws=0)
    wide = interp.neuron_table(plain_mlp(TASK, 12))
    with refused("table: expected that of this network, with 16 neurons, got 12"):
        interp.pruning_curve(tiny_run.network(), DATA, table=wide, draws=0)
    words = "expected those of this table, got those of another network, layer, basis or convention"
    message = f"classes: {words}"
    with refused(message):
        interp.prune_by_class(tiny_run, table, halves(other))
    two_sided = interp.neuron_table(tiny_run, convention="two-sided")
    with refused(message):
        interp.prune_by_class(tiny_run, table, halves(two_sided))
    for draw in (figures.ipr_histogram, figures.spectra_heatmap):
        with refused(message):
            draw(table, halves(other))
    with refused(f"curves: {words}"):
        scores_at(curves(sibling), table, 0.3)
    narrow = interp.classify(interp.neuron_table(interp.analytic_network(TASK, 12)), 0.3)
    with refused("classes: expected those of the run's 16 neurons, got 12"):
        figures.ipr_dynamics(interp.dynamics(tiny_run), narrow)


def test_a_table_of_the_same_network_is_taken(tiny_run):
    """In float64 too, and one that was made by hand, of which nothing is known."""
    table = interp.neuron_table(tiny_run)
    exact = tiny_run.checkpoint().exact
    found = interp.pruning_curve(exact, tiny_run.dataset, table=table, draws=0)
    assert found.key == table.key
    assert interp.neuron_table(exact).digest == table.digest
    by_hand = NeuronTable(TASK, table.curves, "cyclic")
    assert by_hand.key is None
    interp.prune_by_class(tiny_run.network(), by_hand, halves(by_hand), tiny_run.dataset, draws=1)


def test_weights_that_differ_have_another_digest(tiny_run):
    network = tiny_run.network()
    before = weights_digest(network)
    with torch.no_grad():
        network.unembed.W_U[3, 4] += 1e-3
    assert weights_digest(network) != before
    assert re.fullmatch("[0-9a-f]{16}", before)


def test_a_dataset_of_another_task_is_refused(tiny_run, for_a_while):
    for other in (make_task("x - y", 11), make_task("x + y", 7)):
        with refused(f"dataset: expected one of x + y mod 11, got one of {other.name}"):
            interp.scores(tiny_run, make_dataset(other, 0.5))
    interp.operation("mine")(lambda x, y, p: (x + y) % p)
    first = make_task("mine", 11)
    network = interp.prune(plain_mlp(first, 4), [0])
    interp.training.tasks.operations.OPERATIONS.remove("mine")
    interp.operation("mine")(lambda x, y, p: x * y % p)
    with refused("dataset: expected the answers of the network's own mine mod 11"):
        interp.scores(network, make_dataset(make_task("mine", 11), 0.5))


class Lookup(torch.nn.Module):
    """A module of a user's: logits by the first operand."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(torch.randn(11, answers))

    def forward(self, pairs):
        return self.table[pairs[:, 0]]


def test_logits_of_other_answers_are_refused():
    assert interp.scores(Lookup(11), DATA)["all"].accuracy is not None
    with refused("logits: expected shape (121, 11), got (121, 13)"):
        interp.scores(Lookup(13), DATA)


def test_a_network_of_a_run_is_scored_by_the_runs_loss(tmp_path):
    run = train(tiny_config(loss="cross_entropy"), tmp_path / "run")
    expected = interp.scores(run)
    for network in (run.network(), load(run.path).network(), interp.prune(run, np.arange(16))):
        found = interp.scores(network, run.dataset)
        assert found["train"].loss == expected["train"].loss
        assert found.caption.endswith("loss: mean cross-entropy (nats)")
    # log 11 nats for logits that are all the same; a module that knows no loss is told by MSE.
    silent = interp.scores(interp.prune(run, []), run.dataset)
    assert silent["all"].loss == pytest.approx(np.log(11))
    assert interp.scores(BUILT, DATA).caption.endswith("loss: mean MSE")
    by_mse = interp.scores(run.network(), run.dataset, "mse")
    assert by_mse["train"].loss != expected["train"].loss


@pytest.mark.parametrize("convention", ["one-sided", "one-sided-no-constant", "two-sided", "irrep"])
@pytest.mark.parametrize("size", [1e200, 1e-200, 1e307, 1e-300])
def test_a_change_of_scale_changes_nothing(convention, size):
    curves_ = np.random.default_rng(3).normal(size=(4, 11))
    for measure in (interp.ipr, lambda c, convention: gini(c, convention)):
        expected = measure(curves_, convention=convention)
        np.testing.assert_allclose(
            measure(curves_ * size, convention=convention), expected, rtol=1e-12
        )
    mixed = curves_ * np.array([1, size, 1e-3, 1 / size])[:, None]
    expected = interp.ipr(curves_, convention=convention)
    np.testing.assert_allclose(interp.ipr(mixed, convention=convention), expected, rtol=1e-12)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_a_table_does_not_depend_on_the_size_of_its_weights(size):
    curves_ = np.random.default_rng(5).normal(size=(3, 6, 11))
    curves_[:, 4] = 0
    one, other = (NeuronTable(TASK, curves_ * scale, "cyclic") for scale in (1, size))
    for name in ("dead", "ipr", "gini", "constant_share", "zero_share", "frequency", "phases"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-9)
    np.testing.assert_allclose(other.norm, one.norm * size, rtol=1e-12)
    assert one.dead.tolist() == [False] * 4 + [True, False]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.int8, np.int64, list])
@pytest.mark.parametrize("convention", ["one-sided", "two-sided"])
def test_curves_of_any_numbers(kind, convention):
    values = [100, -3, 40, 7, 0, -90, 12]
    given = values if kind is list else np.array(values, dtype=kind)
    expected = interp.ipr(np.array(values, dtype=float), convention=convention)
    np.testing.assert_allclose(interp.ipr(given, convention=convention), expected, rtol=1e-12)


def test_float32_is_wide_enough_for_a_large_curve():
    curve = np.array([1, 2, 5, 3, 1], dtype=np.float32)
    for convention in ("one-sided", "two-sided"):
        expected = interp.ipr(curve.astype(float), convention=convention)
        assert interp.ipr(curve * np.float32(1e30), convention=convention) == pytest.approx(
            expected
        )


@pytest.mark.parametrize("measure", [interp.ipr, gini])
def test_curves_that_are_none(measure):
    for bad in (np.nan, np.inf, -np.inf):
        with refused("curves: expected finite numbers, got NaN or inf"):
            measure(np.where(np.arange(11) == 3, bad, CURVE))
    with refused("curves: expected at least 1 element, got shape (3, 0)"):
        measure(np.zeros((3, 0)))
    with pytest.raises(TypeError, match=r"expected real numbers, .* got an array of complex128"):
        measure(CURVE + 1j)
    with pytest.raises(TypeError, match=r"expected real numbers, .* got list"):
        measure(["a", "b"])
    assert np.isnan(measure(np.zeros(11))), "no power, no value"


def test_a_pruning_curve_says_which_orders_it_has(tiny_run):
    found = interp.pruning_curve(tiny_run, draws=0, orders=[("IPR", "lowest")])
    for key in (("IPR", "low"), ("ipr", "lowest"), "IPR", ("IPR", "highest")):
        with refused("curve: expected an order that was pruned by (IPR, lowest), got "):
            found[key]


def test_a_configuration_is_replaced_by_paths():
    config = tiny_config()
    found = config.replace("optimizer.lr", 0.5, "data.corruption", 0.1, "steps", 7)
    assert (found.optimizer.lr, found.data.corruption, found.steps) == (0.5, 0.1, 7)
    assert (found.model, found.data.fraction) == (config.model, config.data.fraction)
    assert (config.optimizer.lr, config.steps) == (0.01, 30), "is not changed itself"
    assert config.replace({"optimizer.lr": 0.5, "data.corruption": 0.1, "steps": 7}) == found
    assert config.replace() == config.replace({}) == config
    assert (
        config.replace("model", {"width": 5}).model == parse_config({"model": {"width": 5}}).model
    )
    assert config.replace("model", found.model) == config
    assert config.replace(*found_changes(config, found)) == found


def found_changes(config, found):
    return "optimizer", found.optimizer, "data", found.data, "steps", found.steps


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (("optimizer.lr", "fast"), "optimizer.lr: expected a number, got 'fast'"),
        (("optimizer.lr", -1), "optimizer.lr: expected a number > 0, got -1"),
        (("lr", 0.1), "lr: unknown configuration key; nearest is optimizer.lr"),
        (("steps", 2, "optimizer.warmup", 3), "optimizer.warmup: expected at most the 2 steps of"),
        (("seed",), "replace: expected dotted paths and their values in turn, or a mapping, got"),
        ((3, 4), "replace: expected dotted paths and their values in turn, or a mapping, got"),
        (("seed", 1, "seed", 2), "replace: expected each path once, got seed, seed"),
        (({"model.width": True},), "model.width: expected no truth value, got True"),
    ],
)
def test_a_configuration_is_replaced_by_what_can_be(changes, message):
    with refused(message) as caught:
        tiny_config().replace(*changes)
    assert "\n" not in str(caught.value)


def test_a_copy_of_a_configuration_is_checked():
    config = tiny_config()
    assert config.model_copy() == config.model_copy(deep=True) == config
    assert config.model_copy(update={"steps": 7}) == config.replace("steps", 7)
    for update, message in (
        ({"steps": 0}, "steps: expected a number ≥ 1"),
        ({"stepz": 3}, "stepz: unknown configuration key"),
        ({"model": {"width": 0}}, "model.width: expected a number ≥ 1, got 0"),
        ({"loss": "MSE"}, "loss: expected mse or cross_entropy, got 'MSE'; nearest is mse"),
    ):
        with refused(message):
            config.model_copy(update=update)
    for update in ({"width": 0}, {"kind": "MLP"}, {"wdth": 3}):
        with pytest.raises(ValueError, match="validation error for ModelConfig"):
            config.model.model_copy(update=update)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda w: np.where(w == w[0, 0], np.nan, w), "expected finite numbers, got NaN or inf"),
        (lambda w: w / np.float32(0), "expected finite numbers, got NaN or inf"),
        (lambda w: w.astype(np.complex64), "expected float32, got complex64"),
        (lambda w: w.astype(np.float64), "expected float32, got float64"),
        (lambda w: w.astype(np.int32), "expected float32, got int32"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_weights_that_are_none(tiny_run, tmp_path, changed, message):
    weights = dict(tiny_run.weights[30])
    weights["unembed.W_U"] = changed(weights["unembed.W_U"])
    with refused(f"tensor unembed.W_U: {message}"):
        load_weights(tiny_run.network(), weights, tmp_path)


def test_narrower_weights_fit_in(tiny_run, tmp_path):
    network = tiny_run.network()
    half = {name: one.astype(np.float16) for name, one in tiny_run.weights[30].items()}
    load_weights(network, half, tmp_path)
    np.testing.assert_array_equal(network.unembed.W_U.detach().numpy(), half["unembed.W_U"])


@pytest.mark.parametrize(("draws", "words"), [(1, "range of 1 draw"), (19, "range of 19 draws")])
def test_the_band_of_few_draws_is_their_range(tiny_run, draws, words):
    """Against the draws one by one, pruned by hand."""
    result = by_class(tiny_run, draws=draws, seed=4)
    random = np.random.default_rng([4, *_crc("control")])
    drawn = [
        interp.scores(
            interp.prune(tiny_run, random.permutation(16)[-result.kept :]), tiny_run.dataset
        )
        for _ in range(draws)
    ]
    for split in ("train", "test"):
        values = [one[split].accuracy for one in drawn]
        found = result.control[split]["accuracy"]
        assert (found["low"], found["high"]) == (min(values), max(values))
    assert words in result.plot().layout.title.subtitle.text
    assert result.to_dict()["control"]["band"] == [0.0, 1.0]


def test_the_band_of_many_draws_is_quantiles(tiny_run):
    result = by_class(tiny_run, draws=20)
    assert "5–95 %" in result.plot().layout.title.subtitle.text
    assert result.to_dict()["control"]["band"] == [0.05, 0.95]


def _crc(purpose: str) -> list[int]:
    from zlib import crc32

    return [crc32(purpose.encode())]


def test_curves_on_a_grid_have_the_size_that_the_cut_prunes():
    """And what was asked for: nothing is read at the nearest of a grid."""
    run = train(tiny_config(model={"width": 120, "depth": 3}, steps=3))
    table = interp.neuron_table(run)
    ipr = np.sort(table.ipr)
    cuts = [(ipr[:k].var() * k + ipr[k:].var() * (120 - k), k) for k in range(1, 120)]
    below = min(cuts)[1]  # two classes with the least variance inside
    found = interp.pruning_curve(run, draws=0, sizes=[61], losses=False)
    grid = set(np.linspace(0, 120, 51).round())
    assert set(found.sizes) == grid | {61, below}
    shares = interp.measures["pruning"](run, lowest=0.51, draws=1).values()
    assert shares["pruned_lowest"] == 61
    assert shares["pruned_highest"] == 120 - below
    assert 61 not in grid
