"""Every error of the library says what was expected and what came, before any work is done."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch

from interp.analysis.ablation.by_class import prune_by_class
from interp.analysis.ablation.logit_sum import LogitSum
from interp.analysis.ablation.prune import prune
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.fourier.ipr import ipr
from interp.analysis.fourier.null import null_ipr
from interp.analysis.neurons.classify import classify, two_class_cut
from interp.analysis.neurons.read import neuron_table
from interp.analysis.phases.phase import phase
from interp.analysis.trajectory.ipr_history import dynamics
from interp.training.config.plain_data import read_config, with_overrides
from interp.training.config.run_config import parse_config
from interp.training.data.dataset import make_dataset
from interp.training.models.analytic import analytic_network
from interp.training.runs.files import check_format, check_place
from interp.training.runs.folder import checkpoint_path
from interp.training.runs.made import write_pruned
from interp.training.runs.origin import Pruned
from interp.training.runs.run import Run, load
from interp.training.runs.tensor_file import load_weights
from interp.training.tasks.groups import residue_order
from interp.training.tasks.polynomial import parse
from interp.training.tasks.task import make_task
from interp.training.trainer.cohort import Cohort
from interp.training.trainer.device import find_device
from interp.training.trainer.loop import dataset_of, train

from .conftest import plain_mlp, tiny_config

ROOT = Path(__file__).parent.parent


def refused(message: str):
    """Expects a ValueError that contains the text."""
    return pytest.raises(ValueError, match=re.escape(message))


@pytest.fixture()
def unchecked(monkeypatch):
    """Signatures as users meet them: nothing checks their types."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


NOT_ALLOWED = (
    "is not allowed; expected a polynomial of x, y and whole numbers with + - * ** and parentheses"
)
NO_POLYNOMIAL = "is no polynomial in x and y (column"
TOO_LARGE = (
    "task.operation: expected a degree of at most 64, at most 1000 terms and coefficients "
    "up to 1e+18"
)
OTHER = {"kind": "transformer"}  # than the network by default
STEPS_OUTSIDE = "schedule.checkpoint_steps: expected steps from 0 to "

CONFIGS = [
    ("task.p", 1, "task.p: expected a number ≥ 2 and ≤ 2048, got 1"),
    ("task.p", -7, "task.p: expected a number ≥ 2 and ≤ 2048, got -7"),
    ("task.p", 2049, "task.p: expected a number ≥ 2 and ≤ 2048, got 2049"),
    ("task.p", 2.5, "task.p: expected a whole number, got 2.5"),
    ("task.p", "eleven", "task.p: expected a whole number, got 'eleven'"),
    ("task.p", [11], "task.p: expected a whole number, got [11]"),
    ("task.p", None, "task.p: expected a whole number, got None"),
    ("task.p", True, "task.p: expected no truth value, got True"),
    ("task", {"p": 10, "operation": "x / y"}, "task.p: 'x / y' needs a prime modulus, got 10"),
    ("task.operation", 5, "task.operation: expected text, got 5"),
    ("task.operation", "x // y", "task.operation: unknown operation 'x // y'; expected one of"),
    ("task.operation", "x - y if x", "task.operation: unknown operation 'x - y if x'; expected"),
    ("task.operation", "Addition", "with + - * ** and parentheses; write 'x + y'"),
    ("task.operation", "-", "something like 'x**2 + 3*x*y'; write 'x - y'"),
    ("task.operation", "difference", "or a polynomial in x and y; write 'x - y'"),
    ("task.operation", "/", "or a polynomial in x and y; write 'x / y'"),
    ("task.operation", "larger", "is known where INTERP_PLUGINS names the module that adds it"),
    ("data.fraction", 1.01, "data.fraction: expected a number ≥ 0 and ≤ 1, got 1.01"),
    ("data.fraction", -0.01, "data.fraction: expected a number ≥ 0 and ≤ 1, got -0.01"),
    ("data.fraction", float("nan"), "data.fraction: expected a number ≥ 0 and ≤ 1, got nan"),
    ("data.fraction", "half", "data.fraction: expected a number, got 'half'"),
    ("data.corruption", 1.5, "data.corruption: expected a number ≥ 0 and ≤ 1, got 1.5"),
    ("data.corruption", -0.5, "data.corruption: expected a number ≥ 0 and ≤ 1, got -0.5"),
    ("data.fraction", 0, "data.fraction: 0.0 of 121 pairs leaves an empty training set; expect"),
    ("data.fraction", 0.004, "0.004 of 121 pairs leaves an empty training set; expected at least "),
    (
        "data.kind",
        "mixed",
        "data.kind: expected 'uniform', 'wrong', 'symmetric', 'blocks' or 'given', got 'mixed'",
    ),
    ("data.block", 2, "data.block: expected none for kind uniform, got 2"),
    ("data.block", 0, "data.block: expected a number ≥ 1, got 0"),
    ("data.kind", "blocks", "data.block: expected a whole number of at least 1, got None"),
    ("data", 5, "data: expected a mapping of fields, got 5"),
    ("model.kind", "cnn", "model.kind: expected mlp, transformer or adapted, got 'cnn'"),
    ("model.width", 0, "model.width: expected a number ≥ 1, got 0"),
    ("model.width", True, "model.width: expected no truth value, got True"),
    ("model.depth", 1, "model.depth: expected a number ≥ 2 and ≤ 32, got 1"),
    ("model.dropout", 1, "model.dropout: expected a number ≥ 0 and < 1, got 1"),
    ("model.dropout", -0.1, "model.dropout: expected a number ≥ 0 and < 1, got -0.1"),
    ("model.dropout_at", "mid", "model.dropout_at: expected 'pre' or 'post', got 'mid'"),
    ("model.norm", "rms", "model.norm: expected 'none', 'batch' or 'layer', got 'rms'"),
    ("model.bias", "maybe", "model.bias: expected true or false, got 'maybe'"),
    ("model.n_heads", 2, "model.n_heads: expected no value for kind mlp, got 2"),
    ("model.d_model", 64, "model.d_model: expected no value for kind mlp, got 64"),
    ("model.exponent", 1, "model.exponent: expected no value for kind mlp, got 1.0"),
    (
        "model",
        OTHER | {"init": "mup", "exponent": 1},
        "model.exponent: expected no value with init mup, whose scores are divided by d_head, "
        "got 1",
    ),
    (
        "model",
        OTHER | {"dropout_attention": 1},
        "model.dropout_attention: expected a number ≥ 0 and < 1, got 1",
    ),
    (
        "optimizer.rates",
        {"embed.*": -1},
        "optimizer.rates: expected a mapping from name patterns to factors ≥ 0, "
        "got {'embed.*': -1}",
    ),
    (
        "optimizer.rates",
        ["embed.*"],
        "optimizer.rates: expected a mapping from name patterns to factors ≥ 0, got ['embed.*']",
    ),
    ("optimizer.rates", {"*": True}, "optimizer.rates: expected a mapping from name patterns to "),
    ("model.d_head", 5, "model.d_head: expected no value for kind mlp, got 5"),
    ("model.output_scale", 0, "model.output_scale: expected a number > 0, got 0"),
    (
        "model",
        {"width": 16, "norm": "layer", "norm_last": False},
        "model.norm_last: expected true for depth 2, whose only hidden layer is the last, got "
        "false",
    ),
    (
        "model",
        OTHER | {"vocabulary": "operand", "tied": True},
        "model.tied: expected false with vocabulary operand, whose embedding has two rows for an "
        "answer",
    ),
    ("model.tied", True, "model.tied: expected no value for kind mlp, got True"),
    ("model.attention", "causal", "model.attention: expected no value for kind mlp, got 'causal'"),
    ("model.init", "mup", "model.init: expected auto, paper, he, lazy for kind mlp, got 'mup'"),
    ("model.init", "zero", "model.init: expected auto, paper, he, lazy for kind mlp, got 'zero'"),
    ("model", OTHER | {"width": 16}, "model.width: expected no value for kind transformer, got 16"),
    ("model", OTHER | {"depth": 3}, "model.depth: expected no value for kind transformer, got 3"),
    (
        "model",
        OTHER | {"init": "he"},
        "model.init: expected auto, transformer_lens, mup, doshi for kind transformer, got 'he'",
    ),
    (
        "model",
        OTHER | {"n_heads": 3},
        "model.n_heads: expected a divisor of d_model = 128, got 3",
    ),
    ("model", OTHER | {"n_heads": 0}, "model.n_heads: expected a number ≥ 1, got 0"),
    (
        "model",
        OTHER | {"d_mlp": 0, "dropout": 0.1},
        "model.dropout: expected 0 for an attention-only network, which has no neurons, got 0.1",
    ),
    (
        "model",
        OTHER | {"d_mlp": 0, "norm": "batch"},
        "model.norm: expected none or layer for an attention-only network, got 'batch'",
    ),
    (
        "model",
        OTHER | {"tied": True, "init": "mup"},
        "model.tied: expected false with init mup, whose unembedding starts d_model times "
        "smaller than its embedding",
    ),
    (
        "model",
        OTHER | {"norm": "layer", "norm_at": "pre"},
        "model.norm_at: expected no value for a Transformer's layer norm, which stands on "
        "the residual stream, got 'pre'",
    ),
    ("optimizer.name", "lion", "optimizer.name: expected 'adamw', 'adam', 'sgd' or 'muon', got 'l"),
    ("optimizer.batch_size", 0, "optimizer.batch_size: expected a number ≥ 1, got 0"),
    ("optimizer.batch_size", True, "optimizer.batch_size: expected no truth value, got True"),
    (
        "optimizer.batch_size",
        61,
        "optimizer.batch_size: expected at most the 60 training examples, got 61",
    ),
    ("optimizer.warmup", -1, "optimizer.warmup: expected a number ≥ 0, got -1"),
    ("optimizer.warmup", 31, "optimizer.warmup: expected at most the 30 steps of the run, got 31"),
    ("optimizer.decayed", "*.W_*", "optimizer.decayed: expected a list, got '*.W_*'"),
    ("optimizer.decayed", [5], "optimizer.decayed.0: expected text, got 5"),
    ("optimizer.lr_schedule", "linear", "optimizer.lr_schedule: expected 'constant' or 'cosine'"),
    ("precision", "low", "precision: expected 'highest', 'high' or 'medium', got 'low'"),
    ("seeds.batches", -1, "seeds.batches: expected a number ≥ 0, got -1"),
    ("optimizer.lr", 0, "optimizer.lr: expected a number > 0, got 0"),
    ("optimizer.lr", float("inf"), "optimizer.lr: expected a finite number, got inf"),
    ("optimizer.betas", [0.9, 1], "optimizer.betas: expected two numbers ≥ 0 and < 1, got [0.9, "),
    ("optimizer.betas", [-0.1, 0.9], "expected two numbers ≥ 0 and < 1, got [-0.1, 0.9]"),
    ("optimizer.betas", [0.9], "optimizer.betas: expected two numbers ≥ 0 and < 1, got [0.9]"),
    ("optimizer.betas", [0.9] * 3, "expected two numbers ≥ 0 and < 1, got [0.9, 0.9, 0.9]"),
    ("optimizer.betas", 0.9, "optimizer.betas: expected a list, got 0.9"),
    ("optimizer.momentum", 1, "optimizer.momentum: expected a number ≥ 0 and < 1, got 1"),
    ("steps", 0, "steps: expected a number ≥ 1 and ≤ 1e+09, got 0"),
    ("steps", 10**400, "steps: expected a number ≥ 1 and ≤ 1e+09, got 1000"),
    ("steps", 1.5, "steps: expected a whole number, got 1.5"),
    ("seed", -1, "seed: expected a number ≥ 0, got -1"),
    ("loss", "l1", "loss: expected mse or cross_entropy, got 'l1'"),
    ("schedule.checkpoint_steps", [31], STEPS_OUTSIDE + "30, got 31"),
    ("schedule.checkpoint_steps", [-1], STEPS_OUTSIDE + "30, got -1"),
    (
        "data.corruptoin",
        1,
        "data.corruptoin: unknown configuration key; nearest is data.corruption",
    ),
    ("modle", {}, "modle: unknown configuration key; nearest is model"),
    ("lr", 1, "lr: unknown configuration key; nearest is optimizer.lr"),
    ("model.steps", 1, "model.steps: unknown configuration key; nearest is steps"),
    ("task", {1: 2}, "task.1: unknown configuration key; nearest is task.p"),
    ("qqqq", 1, "qqqq: unknown configuration key; expected one of task.operation, task.p, "),
]


@pytest.mark.parametrize(("path", "value", "message"), CONFIGS)
def test_configuration_refuses(path, value, message):
    values = {"task": {"p": 11}, "steps": 30}
    with refused(message) as caught:
        parse_config(with_overrides(values, {path: value}))
    assert "\n" not in str(caught.value)


ONE_EXAMPLE = (
    "model.norm: expected at least 2 examples in a batch for 'batch', got 1; one example has no "
    "variance"
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer.batch_size": 1}, ONE_EXAMPLE),
        ({"data.fraction": 1 / 121}, ONE_EXAMPLE),
        (
            {"data.fraction": 0.1, "optimizer.batch_size": 13},
            "optimizer.batch_size: expected at most the 12 training examples, got 13",
        ),
    ],
)
def test_configuration_refuses_too_few_examples(changes, message):
    values = {"task": {"p": 11}, "steps": 30, "model": {"norm": "batch"}}
    with refused(message) as caught:
        parse_config(with_overrides(values, changes))
    assert str(caught.value) == message


def test_configuration_accepts_the_bounds():
    parse_config(
        {
            "task": {"p": 2, "operation": "x / y"},
            "data": {"fraction": 1, "corruption": 1},
            "model": {"width": 1},
            "optimizer": {"betas": [0, 0], "momentum": 0},
            "steps": 1,
            "schedule": {"evaluations": 1, "checkpoints": 0, "checkpoint_steps": [0, 1]},
        }
    )
    parse_config({"task": {"p": 11}, "data": {"fraction": 1 / 121, "corruption": 0}})
    for optimizer in ({"batch_size": 1}, {"batch_size": 60}, {"warmup": 30}, {"decayed": []}):
        parse_config({"task": {"p": 11}, "steps": 30, "optimizer": optimizer})
    for model in ({"dropout": 0}, {"depth": 32}, {"norm": "batch"}):
        parse_config({"task": {"p": 11}, "optimizer": {"batch_size": 2}, "model": model})
    for model in ({"d_mlp": 0, "norm": "layer"}, {"n_heads": 128}, {"d_model": 1, "n_heads": 1}):
        parse_config({"model": OTHER | model})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "run.yaml: no such file"),
        (b"\xff\xfe", "run.yaml: cannot be read as text ("),
        (b"steps: [1", "run.yaml: not valid YAML (line 1: "),
        (b"seed: 1\nsteps: !!python/object/apply:os.abort []", "not valid YAML (line 2: could not"),
        (b"- steps", "run.yaml: expected a mapping of fields, got list"),
        (b"steps", "run.yaml: expected a mapping of fields, got str"),
    ],
)
def test_configuration_file(tmp_path, content, message):
    path = tmp_path / "run.yaml"
    if content is not None:
        path.write_bytes(content)
    with refused(f"configuration {tmp_path}") as caught:
        read_config(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_empty_configuration_file_is_the_defaults(tmp_path):
    (tmp_path / "run.yaml").write_text("# nothing\n")
    assert read_config(tmp_path / "run.yaml") == {}


def test_override_below_a_value():
    with refused("data: expected a mapping of fields, got 5"):
        with_overrides({"data": 5}, {"data.fraction": 0.5})


POLYNOMIALS = [
    ("x ? y", "'x ? y' " + NO_POLYNOMIAL + " 3)"),
    ("x +", "'x +' " + NO_POLYNOMIAL + " 4); expected something like 'x**2 + 3*x*y'"),
    ("", "'' " + NO_POLYNOMIAL + " 1)"),
    ("x y", NO_POLYNOMIAL),
    ("x\0", NO_POLYNOMIAL),
    ("(" * 150 + "x", NO_POLYNOMIAL),
    ("z + x", "'z' at column 1 of 'z + x' " + NOT_ALLOWED),
    ("x + 1.5", "'1.5' at column 5 of 'x + 1.5' " + NOT_ALLOWED),
    ("x + True", NOT_ALLOWED),
    ("x % 3", NOT_ALLOWED),
    ("x**-1", NOT_ALLOWED),
    ("x**y", NOT_ALLOWED),
    ("x**9**9**9", NOT_ALLOWED),
    ("1or x", NOT_ALLOWED),
    ("x.real", NOT_ALLOWED),
    ("[x for x in (y,)]", NOT_ALLOWED),
    ("x**65", "expected powers of at most 64, got 65 in 'x**65'"),
    ("x**True", "task.operation: expected powers of at most 64, got True in"),
    ("x**999999999999", "expected powers of at most 64, got 999999999999"),
    ("x**64 * y", TOO_LARGE),
    ("(x + y)**64", TOO_LARGE + ", got '(x + y)**64'"),
    ("10**19 * x", TOO_LARGE),
    ("9" * 100 + "*x", TOO_LARGE),
    ("3", "task.operation: expected a polynomial that depends on x or y, got '3'"),
    ("x - x", "expected a polynomial that depends on x or y, got 'x - x'"),
    ("x + " * 50 + "y", "task.operation: expected at most 200 characters, got 201"),
]


@pytest.mark.parametrize(("text", "message"), POLYNOMIALS)
def test_polynomial_refuses(text, message):
    with refused(message) as caught:
        parse(text)
    assert str(caught.value).startswith("task.operation: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').mkdir('made')",
        "x + open('made', 'w').fileno()",
        "(lambda: open('made', 'w'))()",
        "x**open('made', 'w').fileno()",
        "f\"{open('made', 'w')}\"",
    ],
)
def test_code_is_never_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with refused(NOT_ALLOWED):
        parse_config({"task": {"operation": text}})
    assert not list(tmp_path.iterdir())


def test_largest_polynomial_that_is_accepted():
    assert parse("x**64") == {(64, 0): 1}
    assert parse("x + " * 49 + "   y") == {(1, 0): 49, (0, 1): 1}, "199 characters"


TINY_TASK = make_task("x + y", 11)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_task("x + y", 1), "task.p: expected a whole number of at least 2, got 1"),
        (lambda: make_task("x / y", 12), "task.p: 'x / y' needs a prime modulus, got 12"),
        (
            lambda: make_task("x / y if y odd else x - y", 9),
            "task.p: 'x / y if y odd else x - y' needs a prime modulus, got 9",
        ),
        (lambda: make_task("y / x", 7), "or a polynomial in x and y"),
        (
            lambda: make_dataset(TINY_TASK, 1.5),
            "data.fraction: expected a number between 0 and 1, got 1.5",
        ),
        (
            lambda: make_dataset(TINY_TASK, 0.5, float("nan")),
            "data.corruption: expected a number between 0 and 1, got nan",
        ),
        (
            lambda: make_dataset(TINY_TASK, 0.004),
            " pairs leaves an empty training set; expected at least 0.0083",
        ),
        (
            lambda: make_dataset(TINY_TASK, 0.5, 0.5, "mixed"),
            "data.kind: expected uniform, wrong, symmetric or blocks, got 'mixed'",
        ),
        (
            lambda: make_dataset(TINY_TASK, 0.5).members("valid"),
            "split: expected train, test, corrupted, corrected, clean or all, got 'valid'",
        ),
        (
            lambda: residue_order(12, "multiplicative"),
            "the multiplicative characters need a prime modulus, got 12",
        ),
        (
            lambda: analytic_network(make_task("x**2 + y**2", 11), 8),
            "analytic network: expected x + y, x - y, x * y or x / y, got 'x**2 + y**2'",
        ),
        (
            lambda: analytic_network(make_task("x + y", 2), 8),
            "analytic network: expected at least 3 group elements, got 2",
        ),
        (lambda: ipr(np.ones(5), r=1), "IPR exponent r: expected a number above 1, got 1"),
        (lambda: ipr(np.ones(5), r=float("nan")), "expected a number above 1, got nan"),
        (
            lambda: ipr(np.ones(5), convention="three-sided"),
            "IPR convention: expected one-sided, one-sided-no-constant, two-sided or irrep, got ",
        ),
        (
            lambda: null_ipr(1),
            "null IPR: elements: expected a whole number of at least 2, got 1",
        ),
        (
            lambda: null_ipr(5, curves=0),
            "null IPR: curves: expected a whole number of at least 1, got 0",
        ),
        (
            lambda: null_ipr(5, draws=0),
            "null IPR: draws: expected a whole number of at least 1, got 0",
        ),
        (
            lambda: null_ipr(5, draws=100).quantile(0),
            "null quantile: expected a number between 0 and 0.99, got 0",
        ),
        (lambda: null_ipr(5, draws=100).quantile(0.999), "between 0 and 0.99, got 0.999"),
        (
            lambda: two_class_cut(np.full(4, 0.5)),
            "two-class cut: expected at least two different IPRs among the living neurons, got 1",
        ),
        (lambda: two_class_cut(np.empty(0)), "IPRs among the living neurons, got 0"),
        (
            lambda: LogitSum(np.full((2, 3), np.nan), np.ones((2, 5))),
            "pruning curve: expected finite activations and weights, got NaN or inf",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_function_refuses(call, message, unchecked):
    with refused(message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.network(7), "no checkpoint at step 7; expected one of 0, 1, 3, 10, 30"),
        (lambda run: neuron_table(run, 31), "no checkpoint at step 31; expected one of 0, "),
        (lambda run: run.measurement(29), "tiny: no scores at step 29"),
        (lambda run: phase(run, 29), "tiny: no scores at step 29"),
        (
            lambda run: neuron_table(run, r=1).ipr,
            "IPR exponent r: expected a number above 1, got 1",
        ),
        (
            lambda run: classify(neuron_table(run), "otsu"),
            "threshold: expected auto, null or an IPR between 0 and 1, got 'otsu'",
        ),
        (lambda run: classify(neuron_table(run), 0), "an IPR between 0 and 1, got 0"),
        (lambda run: classify(neuron_table(run), 1.0), "an IPR between 0 and 1, got 1.0"),
        (lambda run: classify(neuron_table(run), float("nan")), "between 0 and 1, got nan"),
        (lambda run: classify(neuron_table(run), None), "between 0 and 1, got None"),
        (
            lambda run: prune_by_class(run, neuron_table(run), classify(neuron_table(run), 0.999)),
            "threshold 0.999 prunes every neuron of 16; IPRs run from ",
        ),
        (
            lambda run: prune_by_class(run, neuron_table(run), classify(neuron_table(run), 0.001)),
            "threshold 0.001 prunes no neuron of 16; IPRs run from ",
        ),
        (
            lambda run: prune_by_class(
                run, neuron_table(run), classify(neuron_table(run), 0.3), draws=0
            ),
            "draws: expected a whole number of at least 1, got 0",
        ),
        (
            lambda run: pruning_curve(run, draws=-1),
            "draws: expected a whole number of at least 0, got -1",
        ),
        (
            lambda run: pruning_curve(run.network()),
            "dataset: expected one beside a network; a run brings its own",
        ),
        (
            lambda run: prune(run.network(), np.ones(15, dtype=bool)),
            "keep: expected a mask of 16 neurons, got shape (15,)",
        ),
        (
            lambda run: prune(run.network(), np.array([0, 16])),
            "keep: expected neuron indices from 0 to 15, got [ 0 16]",
        ),
        (lambda run: prune(run.network(), np.array([-1])), "from 0 to 15, got [-1]"),
        (
            lambda run: prune(run.network(), np.arange(3), layer=1),
            "layer: expected a hidden layer from 0 to 0, got 1",
        ),
        (lambda run: neuron_table(run, layer=-1), "a hidden layer from 0 to 0, got -1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_reading_a_run_refuses(tiny_run, call, message, unchecked):
    with refused(message):
        call(tiny_run)


def test_weights_refuse_another_width(tiny_run):
    weights = tiny_run.weights[30]
    with refused("tensor blocks.0.mlp.W_in: expected shape (22, 8), got (22, 16)"):
        load_weights(plain_mlp(TINY_TASK, 8), weights, Path("elsewhere"))


SMALL = OTHER | {"d_model": 8, "n_heads": 2, "d_mlp": 12}


@pytest.mark.parametrize(
    ("model", "written", "message"),
    [
        ({"width": 16}, SMALL, "tensor blocks.0.attn.W_K is unknown to this network; expected bl"),
        (SMALL, {"width": 16}, "tensor blocks.0.attn.W_K is missing; expected embed.W_E, pos_emb"),
        (SMALL, SMALL | {"d_mlp": 10}, "tensor blocks.0.mlp.W_in: expected shape (8, 12), got (8,"),
        (SMALL, SMALL | {"n_heads": 4}, "blocks.0.attn.W_Q: expected shape (2, 8, 4), got (4, 8, "),
        (SMALL, SMALL | {"equals_token": True}, "embed.W_E: expected shape (11, 8), got (12, 8)"),
        ({"width": 16}, {"width": 16, "norm": "batch"}, "blocks.0.mlp.norm.b is unknown to this "),
        (
            {"width": 16, "norm": "batch"},
            {"width": 16, "norm": "layer"},
            "norm.mean is missing; ex",
        ),
    ],
)
def test_checkpoint_of_another_network(tmp_path, model, written, message):
    """The file itself is whole; reading it and going on with it are both refused."""
    config = tiny_config(model=model, steps=1)
    train(config, tmp_path / "run")
    other = train(tiny_config(model=written, steps=1), tmp_path / "other")
    path = checkpoint_path(tmp_path / "run", 1)
    path.write_bytes(checkpoint_path(other.path, 1).read_bytes())
    with refused(f"{path}: tensor ") as caught:
        load(tmp_path / "run").network()
    assert message in str(caught.value)
    (tmp_path / "run/DONE").unlink()
    with refused(message):
        train(config, tmp_path / "run")


def test_a_checkpoint_that_is_not_there(tiny_run):
    with pytest.raises(KeyError, match="999"):
        tiny_run.weights[999]


def test_run_without_checkpoints(tiny_run):
    empty = Run(tiny_run.config, tiny_run.dataset, (), {})
    for call in (dynamics, neuron_table, Run.network):
        with refused(": expected a run with a checkpoint, found none yet"):
            call(empty)
    with refused("run: no scores at step None"):
        empty.measurement()


def test_phase_without_test_examples():
    run = train(tiny_config(data={"fraction": 1.0}, steps=1))
    with refused("phase: expected a run with test examples (α < 1), found none"):
        phase(run)


def test_attention_only_has_no_neurons():
    network = train(tiny_config(model=SMALL | {"d_mlp": 0}, steps=1)).network()
    for call in (neuron_table, lambda one: prune(one, np.arange(3))):
        with refused("layer: an attention-only network has no neurons; see its heads"):
            call(network)


def test_a_deeper_network_has_no_curves_of_two_layers():
    network = train(tiny_config(model={"width": 4, "depth": 3}, steps=1)).network()
    with refused("curves: expected a network of depth 2, got 3"):
        network.set_curves(np.zeros((3, 4, 11)))


def test_operands_that_are_no_residues():
    network = plain_mlp(TINY_TASK, 4)
    message = "pairs: expected operands from 0 to 10, got 3 to 11: out of bounds"
    with pytest.raises(IndexError, match=f"^{message}$"):
        network(torch.tensor([[3, 11]]))


@pytest.mark.parametrize("name", ["tpu", "cuda:0", ""])
def test_unknown_device(tmp_path, name):
    with refused(f"device: expected auto, cpu or cuda, got '{name}'"):
        train(tiny_config(), tmp_path / "run", device=name)
    assert not list(tmp_path.iterdir())


def test_cuda_that_is_absent(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    message = "device: cuda was asked for, but torch finds no CUDA device; use cpu or auto"
    with refused(message):
        train(tiny_config(), tmp_path / "run", device="cuda")
    assert not list(tmp_path.iterdir())
    for name in ("auto", "cpu"):
        assert find_device(name) == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [find_device(name).type for name in ("auto", "cpu", "cuda")] == ["cuda", "cpu", "cuda"]


def test_runs_one_after_the_other_are_for_a_cpu():
    config = tiny_config()
    with refused("run_axis: expected True or None on meta, got False"):
        Cohort([config], [dataset_of(config)], torch.device("meta"), run_axis=False)


def test_pattern_that_fits_no_parameter(tmp_path):
    config = tiny_config(optimizer={"decayed": ["*.W_*", "attn.*"]})
    with refused("optimizer.decayed: pattern 'attn.*' fits none of blocks.0.mlp.W_in, unembed.W_U"):
        train(config, tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_dead_network_has_nothing_to_cut():
    network = plain_mlp(TINY_TASK, 4)
    with refused("two-class cut: expected at least two different IPRs among the living neurons"):
        classify(neuron_table(network))
    table = neuron_table(network)
    with refused("threshold 0.5 prunes every neuron of 4") as caught:
        prune_by_class(network, table, classify(table, 0.5), make_dataset(TINY_TASK, 0.5), draws=1)
    assert "IPRs run from" not in str(caught.value), "there are none"


def test_folder_of_another_configuration(tiny_run):
    with refused("tiny: holds another run's configuration: seed is 0 there, 5 was asked for"):
        train(tiny_config(seed=5), tiny_run.path)
    with refused("configuration: model.kind is 'mlp' there, 'transformer' was asked for"):
        train(tiny_config(model=SMALL), tiny_run.path)
    with refused("another run's configuration: data.corruption is 0.3 there, 0.1 was asked for"):
        train(tiny_config(data={"fraction": 0.6, "corruption": 0.1}), tiny_run.path)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_place_that_holds_something_else(tmp_path, kind):
    place = tmp_path / "place"
    if kind == "folder":
        place.mkdir()
    notes = place / "notes.txt" if kind == "folder" else place
    notes.write_text("mine")
    with refused("place: expected a new folder or a run, it holds something else"):
        train(tiny_config(), place)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [notes]
    assert notes.read_text() == "mine"


def test_place_below_a_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    for below in ("run", "deeper/run"):
        with refused("expected a place in a folder, that is a file"):
            train(tiny_config(), tmp_path / "file" / below)


def test_pruned_network_needs_a_folder_of_its_own(tiny_run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    about = Pruned("tiny", 30, 0, 16, 16, 0.1, "fixed")
    with refused("expected a new or empty folder, it has contents"):
        write_pruned(tmp_path, tiny_run, tiny_run.network(), tiny_run.measurement().scores, about)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.png", "figure a.png: expected a name that ends in .html or .svg"),
        ("none/a.html", "figure none/a.html: expected an existing folder, none is none"),
        ("folder.html", "figure folder.html: expected a file, that is a folder"),
    ],
)
def test_place_of_a_file(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    Path("folder.html").mkdir()
    with refused(message):
        check_place("figure", Path(name), ".html", ".svg")
    check_place("figure", Path("a.HTML"), ".html", ".svg")


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (2, "config.json: written in format 2; this version reads up to 1, update interp"),
        ("17", "written in format 17; this version reads up to 1, update interp"),
        (None, "config.json: expected a format number, got None"),
        ("new", "expected a format number, got 'new'"),
        (1.5, "expected a format number, got 1.5"),
    ],
)
def test_format_number(found, message):
    with refused(message):
        check_format(found, Path("config.json"))


NOT_JSON = "config.json: not a JSON configuration; truncated or altered"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", NOT_JSON),
        ("[1]", NOT_JSON),
        ('"text"', NOT_JSON),
        ("{}", "config.json: expected a format number, got None"),
        ('{"format": 2, "novelty": 1}', "config.json: written in format 2; this version reads"),
        ('{"format": 1, "task": {"p": 0}}', "config.json: task.p: expected a number ≥ 2"),
        ('{"format": 1, "novelty": 1}', "config.json: novelty: unknown configuration key"),
    ],
)
def test_configuration_of_a_run_folder(tmp_path, content, message):
    (tmp_path / "config.json").write_text(content)
    with refused(message):
        load(tmp_path)


def test_folder_that_is_no_run(tmp_path):
    for folder in (tmp_path, tmp_path / "missing", Path(__file__)):
        with refused(": expected a run folder (with config.json), found none"):
            load(folder)
    (tmp_path / "sweep.json").write_text("{}")
    with refused(f"found a sweep, whose runs lie in {tmp_path / 'runs'}"):
        load(tmp_path)


def test_altered_score_history(tiny_folder):
    history = tiny_folder / "metrics.jsonl"
    lines = history.read_text().splitlines()
    for broken in ("", "{", "[]", json.dumps({"step": 1}), lines[2].replace("clean", "tidy")):
        history.write_text("\n".join([*lines[:2], broken, *lines[3:]]) + "\n")
        with refused("metrics.jsonl: line 3 is no measurement; altered"):
            load(tiny_folder)


def raised_messages() -> dict[str, str]:
    """For every raise of a new error, by place: the longest part of its text that is fixed."""
    found = {}
    for package in ("training", "analysis"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                    texts = [
                        part.value
                        for part in ast.walk(node.exc)
                        if isinstance(part, ast.Constant) and isinstance(part.value, str)
                    ]
                    found[f"{path.relative_to(ROOT)}:{node.lineno}"] = max(
                        texts, key=len, default=""
                    ).strip(" :;,(")
    return found


def test_every_error_of_training_and_analysis_has_a_test_on_its_message():
    tested = {
        node.value.replace("\\", "")
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    messages = raised_messages()
    assert len(messages) > 40, "the search finds them"
    # A message that only hands on another one has no words of its own.
    own = {place: text for place, text in messages.items() if re.search(r"\w", text)}
    assert {p: t for p, t in own.items() if not any(t in one for one in tested)} == {}
