"""Runs that train together: each comes out as alone, fails alone, and goes on where it stopped."""

from __future__ import annotations

import gc
import signal
import weakref
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch

from interp.training.config.options import option_fields
from interp.training.config.plain_data import with_overrides
from interp.training.config.run_config import RunConfig, parse_config
from interp.training.models.kinds import initial_network
from interp.training.runs.folder import checkpoint_path
from interp.training.runs.metadata import Measurement
from interp.training.runs.run import Run, load
from interp.training.trainer import loop
from interp.training.trainer.cohort import Cohort, shape_key, wants_run_axis
from interp.training.trainer.loop import DivergenceError, Interrupted, dataset_of, train, train_many
from interp.training.trainer.sink import FolderSink
from interp.training.trainer.stack import stack

from .conftest import tiny_config

MLP = {"width": 12}
TRANSFORMER = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12}
BASE = {
    "task": {"p": 11},
    "data": {"fraction": 0.6, "corruption": 0.3},
    "model": MLP,
    "steps": 12,
    "dtype": "float64",
    "schedule": {"evaluations": 4, "checkpoints": 3},
}
# What a network or a way of training is, and what its runs may differ in beside the usual.
KINDS = {
    "plain MLP": {},
    "MLP with dropout": {"model": {**MLP, "dropout": 0.3}},
    "batch norm, dropout and biases in minibatches": {
        "model": {**MLP, "norm": "batch", "bias": True, "dropout": 0.2, "activation": "relu"},
        "optimizer.batch_size": 20,
    },
    "three layers, layer norm, SGD with momentum": {
        "model": {**MLP, "depth": 3, "norm": "layer"},
        "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9},
    },
    "Transformer": {"model": TRANSFORMER, "loss": "cross_entropy"},
    "Transformer of wide heads and two vocabularies, logits multiplied": {
        "model": {**TRANSFORMER, "d_head": 6, "vocabulary": "operand", "output_scale": 0.5},
    },
    "Transformer of the reference code, rates of its own, every dropout": {
        "model": {
            **TRANSFORMER,
            "init": "doshi",
            "exponent": 1,
            "n_layers": 2,
            "dropout": 0.1,
            "dropout_embed": 0.2,
            "dropout_attention": 0.2,
            "dropout_residual": 0.3,
        },
        "optimizer": {"rates": {"embed.*": 3, "*.W_U": 0.5}, "decayed": ["blocks.*"]},
    },
    "plain MLP, logits multiplied": {"model": {**MLP, "output_scale": 2.0}},
    "two causal blocks of everything, Adam, warm-up and cosine": {
        "model": {
            **TRANSFORMER,
            "n_layers": 2,
            "attention": "causal",
            "equals_token": True,
            "norm": "layer",
            "dropout": 0.2,
            "bias": True,
        },
        "optimizer": {"name": "adam", "warmup": 4, "lr_schedule": "cosine", "batch_size": 30},
    },
}
# Everything that the members of a cohort may differ in.
MEMBERS = (
    {},
    {"optimizer.lr": 0.02, "optimizer.weight_decay": 1.5, "data.corruption": 0.6, "seed": 3},
    {
        "optimizer.lr": 0.005,
        "data.kind": "wrong",
        "seeds": {"split": 4, "weights": 5, "batches": 6, "dropout": 7},
    },
)
DROPOUT = (0.3, 0.0, 0.6)


def config_of(*changes: dict) -> RunConfig:
    values = dict(BASE)
    for change in changes:
        values = with_overrides(values, change)
    return parse_config(values)


def members(kind: str, **further: object) -> list[RunConfig]:
    configs = []
    for change, dropout in zip(MEMBERS, DROPOUT, strict=True):
        drops = [f"model.{name}" for name in KINDS[kind].get("model", {}) if "dropout" in name]
        own = {**change, **dict.fromkeys(drops, dropout)}
        configs.append(config_of(KINDS[kind], own, further))
    return configs


def interrupt_at(step: int) -> Callable[[int, Measurement | None], None]:
    """A progress callback that presses Ctrl-C once."""

    def press(now: int, _: object) -> None:
        if now == step:
            signal.raise_signal(signal.SIGINT)

    return press


@cache
def alone(config: RunConfig) -> Run:
    """A run trained by itself, in memory; no test may change it."""
    return train(config)


def trained(outcome: Run | Exception) -> Run:
    assert isinstance(outcome, Run), outcome
    return outcome


def distance(one: Run, other: Run) -> float:
    """Largest difference between the last weights and buffers."""
    a, b = one.weights[one.last_step], other.weights[other.last_step]
    assert a.keys() == b.keys()
    return max(np.abs(a[key] - b[key]).max() for key in a)


def assert_same_run(found: Run | Exception, expected: Run, tolerance: float = 0) -> None:
    """Weights, buffers and scores at every step."""
    found = trained(found)
    assert found.config == expected.config
    assert set(expected.steps) <= set(found.steps)
    for step in expected.steps:
        ours, theirs = found.weights[step], expected.weights[step]
        assert ours.keys() == theirs.keys()
        for key, array in theirs.items():
            np.testing.assert_allclose(
                ours[key], array, rtol=tolerance, atol=tolerance, err_msg=f"{key} at {step}"
            )
    rows = {row.step: row for row in found.measurements}
    for row in expected.measurements:
        near = partial(pytest.approx, rel=tolerance, abs=tolerance)
        assert rows[row.step].weight_norm == near(row.weight_norm)
        for split, score in row.scores.items():
            ours = rows[row.step].scores[split]
            assert (ours.accuracy, ours.loss) == (near(score.accuracy), near(score.loss)), split


# Equal to a solo run


@pytest.mark.parametrize("run_axis", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_in_a_cohort_equals_its_solo_run(kind, run_axis):
    configs = members(kind)
    solo = [alone(config) for config in configs]
    assert min(distance(solo[0], other) for other in solo[1:]) > 1e-2, "they differ"
    for found, expected in zip(train_many(configs, run_axis=run_axis), solo, strict=True):
        # Without a run axis the same program runs; with one, sums are taken in another order.
        assert_same_run(found, expected, 1e-10 if run_axis else 0)


@pytest.mark.parametrize("kind", ["MLP with dropout", "Transformer"])
def test_a_run_in_a_cohort_equals_its_solo_run_in_float32(kind):
    configs = members(kind, dtype="float32")
    solo = [alone(config) for config in configs]
    for found, expected in zip(train_many(configs, run_axis=True), solo, strict=True):
        # Rounding, 1e-7, grows where Adam divides small gradients by their own size; a wrong
        # setting moves weights by the learning rate, 0.005 and more, every step.
        assert_same_run(found, expected, 1e-4)


def test_cohorts_in_run_folders(tmp_path):
    configs = members("MLP with dropout")
    places = [tmp_path / name for name in "abc"]
    found = train_many(configs, places, run_axis=False)
    for config, place, outcome in zip(configs, places, found, strict=True):
        assert trained(outcome).path == place
        assert load(place).finished
        alone = tmp_path / f"{place.name} alone" / place.name
        train(config, alone)
        for path in alone.rglob("*"):
            if path.is_file() and path.name != "DONE":  # which tells the time
                other = place / path.relative_to(alone)
                assert path.read_bytes() == other.read_bytes(), path


def test_a_stack_is_its_networks():
    """Logits along the run axis, and one memory for both."""
    kind = "two causal blocks of everything, Adam, warm-up and cosine"
    configs = [*members(kind), config_of(KINDS[kind], {"model.norm": "none", "seed": 8})]
    for group in (configs[:3], configs[3:]):
        networks = [initial_network(config, config.make_task()) for config in group]
        pairs = torch.as_tensor(config_of().make_task().pairs)
        expected = torch.stack([network(pairs).detach() for network in networks])
        stacked = stack(networks, torch.device("cpu"))
        found = stacked.logits(pairs.expand(len(group), -1, -1).contiguous()).detach()
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_stacked_networks_are_views():
    model = {"model": {**MLP, "norm": "batch", "bias": True}}
    configs = [config_of(model, {"seed": seed}) for seed in (1, 2)]
    networks = [initial_network(config, config.make_task()) for config in configs]
    first, second = (
        {key: tensor.clone() for key, tensor in one.state_dict().items()} for one in networks
    )
    assert not torch.equal(first["unembed.W_U"], second["unembed.W_U"])
    stacked = stack(networks, torch.device("cpu"))
    with torch.no_grad():
        for tensor in [*stacked.parameters(), *stacked.buffers()]:
            assert tensor.shape[0] == 2
            tensor[1] += 1
        for weight in stacked.parameters():
            assert weight.grad is not None
            weight.grad[1] = 7
        networks[0].unembed.W_U += 5
    for key, tensor in networks[1].state_dict().items():
        torch.testing.assert_close(tensor, second[key] + 1, rtol=0, atol=0)
    for key, tensor in networks[0].state_dict().items():
        shift = 5 if key == "unembed.W_U" else 0
        torch.testing.assert_close(tensor, first[key] + shift, rtol=0, atol=0)
    assert torch.equal(stacked.unembed.W_U[0], networks[0].unembed.W_U)
    for one, other in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        assert one.grad is not None and other.grad is not None
        assert (one.grad == 0).all() and (other.grad == 7).all()


# A step


@pytest.mark.parametrize("run_axis", [True, False])
def test_each_step_has_its_own_rate(run_axis):
    """w − w' is the rate of the step times the gradient, for SGD."""
    optimizer = {"name": "sgd", "warmup": 2, "lr_schedule": "cosine"}
    rates = [0.01, 0.02]
    configs = [config_of({"optimizer": {**optimizer, "lr": lr}, "steps": 6}) for lr in rates]
    cohort = Cohort(configs, [dataset_of(c) for c in configs], torch.device("cpu"), run_axis)
    for factor in (0.5, 1, 1, (2 + 2**0.5) / 4, 0.5, (2 - 2**0.5) / 4):
        before = [[w.detach().clone() for w in one.parameters()] for one in cohort.networks]
        cohort.advance()
        for network, old, rate in zip(cohort.networks, before, rates, strict=True):
            for weight, was in zip(network.parameters(), old, strict=True):
                torch.testing.assert_close(was - weight, rate * factor * weight.grad)


@pytest.mark.parametrize("run_axis", [True, False])
@pytest.mark.parametrize("change", [{"model.dropout": 0.3}, {"optimizer.batch_size": 20}])
def test_each_step_has_its_own_dropout_and_batch(change, run_axis):
    """Losses of weights that do not move, since the rate is next to nothing."""
    still = {"optimizer": {"name": "sgd", "lr": 1e-30}}
    seeds = [{"weights": 1}, {"weights": 1, "dropout": 2, "batches": 2}]
    configs = [config_of(still, change, {"seeds": one}) for one in seeds]
    cohort = Cohort(configs, [dataset_of(c) for c in configs], torch.device("cpu"), run_axis)
    losses = torch.stack([cohort.advance() for _ in range(10)])
    assert len(losses.unique()) == losses.numel() == 20
    plain = [config_of(still, {"seeds": one}) for one in seeds]
    cohort = Cohort(plain, [dataset_of(c) for c in plain], torch.device("cpu"), run_axis)
    assert len(torch.stack([cohort.advance() for _ in range(3)]).unique()) == 1


# What trains together


def sizes_of_cohorts(monkeypatch: pytest.MonkeyPatch, limit: int | None = None) -> list[int]:
    """Records the sizes of the cohorts that are made; more than ``limit`` runs out of memory."""
    sizes: list[int] = []

    def make(configs, *arguments):
        sizes.append(len(configs))
        if limit is not None and len(configs) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore.")
        return Cohort(configs, *arguments)

    monkeypatch.setattr(loop, "Cohort", make)
    return sizes


def test_shapes_are_grouped_and_come_back_in_order(monkeypatch):
    sizes = sizes_of_cohorts(monkeypatch)
    width = [12, 10, 12, 10, 12]
    configs = [config_of({"model.width": w, "seed": i}) for i, w in enumerate(width)]
    configs.insert(3, config_of({"model": TRANSFORMER}))
    found = train_many(configs)
    assert sizes == [3, 2, 1]
    assert [trained(run).config for run in found] == configs
    for run in found:
        assert_same_run(run, alone(trained(run).config), 1e-10)


TOGETHER = {
    "data.corruption": 0.7,
    "data.kind": "symmetric",
    "model.dropout": 0.1,
    "optimizer.lr": 1.0,
    "optimizer.weight_decay": 1.0,
    "seed": 1,
    **{f"seeds.{name}": 1 for name in ("split", "corruption", "weights", "batches", "dropout")},
}
APART = {
    "start.freeze": ["unembed.W_U"],
    "task.operation": "x - y",
    "task.p": 13,
    "data.fraction": 0.5,
    "model.kind": "transformer",
    "model.width": 8,
    "model.depth": 3,
    "model.activation": "gelu",
    "model.norm": "layer",
    "model.norm_at": "pre",
    "model.norm_last": False,
    "model.output_scale": 2.0,
    "model.dropout_at": "post",
    "model.bias": True,
    "model.init": "he",
    "optimizer.name": "adam",
    "optimizer.decayed": ["unembed.*"],
    "optimizer.rates": {"unembed.*": 2.0},
    "optimizer.betas": [0.9, 0.9],
    "optimizer.eps": 1e-6,
    "optimizer.momentum": 0.5,
    "optimizer.batch_size": 9,
    "optimizer.warmup": 3,
    "optimizer.lr_schedule": "cosine",
    "loss": "cross_entropy",
    "dtype": "float32",
    "precision": "high",
    "steps": 13,
    "schedule.evaluations": 3,
    "schedule.checkpoints": 2,
    "schedule.checkpoint_steps": [2],
}
TOGETHER_OF_TRANSFORMERS = {
    f"model.dropout_{site}": 0.1 for site in ("embed", "attention", "residual")
}
OF_DROPOUT = {"model.dropout_masks": 2}
OF_TRANSFORMERS = {
    "model.d_model": 12,
    "model.n_heads": 4,
    "model.d_head": 3,
    "model.vocabulary": "operand",
    "model.exponent": 1.0,
    "model.n_layers": 2,
    "model.d_mlp": 0,
    "model.equals_token": True,
    "model.attention": "causal",
    "model.tied": True,
}


# What is in a file: tests of own tasks and of given data have one.
OF_FILES = (
    *("task.table", "task.n_answers", "task.digest", "data.file", "data.digest"),
    *("start.run", "start.step", "start.digest", "start.name"),
)


# Of somebody's module, which is not trained here.
NEVER_TRAINED = {f"model.{name}" for name in ("module", "arguments", "neurons_at", "inputs")}


def test_what_keeps_runs_apart():
    """Every option is on one side: a new one must be put on its own."""
    paths = {path for path, _, _ in option_fields()}
    stops = {path for path in paths if path.startswith("stop.")}
    blocks = config_of({"data.kind": "blocks", "data.block": 2})
    sides = {*TOGETHER, *TOGETHER_OF_TRANSFORMERS, *APART, *OF_DROPOUT, *OF_TRANSFORMERS}
    assert paths - stops - {"data.block", "task.group", "task.large"} == {
        *sides,
        *OF_FILES,
        *NEVER_TRAINED,
    }
    plain, transformer = config_of(), config_of({"model": TRANSFORMER})
    for path, value in TOGETHER.items():
        assert shape_key(config_of({path: value})) == shape_key(plain), path
    assert shape_key(blocks) == shape_key(plain)
    for path in stops - {"stop.for"}:
        assert shape_key(config_of({path: 0.5, "stop.for": 2})) == shape_key(plain), path
    for path, value in TOGETHER_OF_TRANSFORMERS.items():
        changed = config_of({"model": TRANSFORMER}, {path: value})
        assert shape_key(changed) == shape_key(transformer), path
    for path, value in APART.items():
        change = {"model": TRANSFORMER} if path == "model.kind" else {path: value}
        assert shape_key(config_of(change)) != shape_key(plain), path
    for path, value in OF_DROPOUT.items():
        half = {"model.dropout": 0.5}
        assert shape_key(config_of(half, {path: value})) != shape_key(config_of(half)), path
    for path, value in OF_TRANSFORMERS.items():
        changed = config_of({"model": TRANSFORMER}, {path: value})
        assert shape_key(changed) != shape_key(transformer), path


def test_a_run_axis_is_for_small_runs_and_for_gpus():
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    # Plain layers have a hand-written gradient, which is faster run by run.
    plain, deep = config_of(), config_of({"model.depth": 3})
    normed = {"model.norm": "layer"}
    small, large = config_of(normed), config_of(normed, {"model.width": 10**6})
    assert not wants_run_axis([plain] * 2, 73, cpu)
    assert not wants_run_axis([deep] * 2, 73, cpu)
    assert wants_run_axis([small] * 2, 73, cpu)
    assert not wants_run_axis([small], 73, cpu)
    assert not wants_run_axis([large] * 2, 73, cpu)
    assert wants_run_axis([large], 73, gpu)


# Failing alone


def test_divergence_ends_its_own_run_only(tmp_path):
    # One update of 1e30 makes the logits overflow in float32.
    configs = [
        config_of({"optimizer": {"name": "sgd", "lr": lr}, "dtype": "float32"})
        for lr in (0.1, 1e30, 0.2)
    ]
    places = [tmp_path / name for name in "abc"]
    for run_axis in (True, False):
        first, second, third = train_many(configs, run_axis=run_axis)
        assert isinstance(second, DivergenceError)
        # Rounding of float32 over 12 steps of a smooth descent.
        assert_same_run(first, alone(configs[0]), 1e-5)
        assert_same_run(third, alone(configs[2]), 1e-5)
    outcomes = train_many(configs, places)
    assert str(outcomes[1]) == (
        "loss is no longer finite at step 1; the checkpoint of step 0 is kept"
    )
    assert [load(place).finished for place in places] == [True, False, True]
    assert load(places[1]).steps == [0]
    assert [row.step for row in load(places[1]).measurements] == [0]


def test_a_bad_folder_fails_alone(tmp_path):
    configs = [config_of({"seed": seed}) for seed in range(4)]
    places = [tmp_path / name for name in "abcd"]
    places[1].write_text("mine")
    train(config_of({"seed": 7}), places[2])
    found = train_many(configs, places)
    assert str(found[1]).endswith("b: expected a new folder or a run, it holds something else")
    assert str(found[2]).endswith("configuration: seed is 7 there, 2 was asked for")
    assert all(isinstance(found[i], ValueError) for i in (1, 2))
    assert places[1].read_text() == "mine"
    for i in (0, 3):
        assert_same_run(found[i], alone(configs[i]), 1e-10)


@pytest.mark.parametrize("name", ["model", "optimizer", "metrics"])
def test_a_damaged_checkpoint_fails_alone(tmp_path, name):
    configs = [config_of({"seed": seed}) for seed in range(3)]
    places = [tmp_path / name for name in "abc"]
    with pytest.raises(Interrupted):
        train_many(configs, places, interrupt_at(5))
    checkpoint = checkpoint_path(places[1], 6)
    path = {
        "model": checkpoint,
        "optimizer": checkpoint.with_name("optimizer.safetensors"),
        "metrics": places[1] / "metrics.jsonl",
    }[name]
    path.write_bytes(b"broken\n" + path.read_bytes())
    found = train_many(configs, places)
    assert isinstance(found[1], ValueError) and str(found[1]).startswith(str(path))
    for i in (0, 2):
        assert_same_run(found[i], alone(configs[i]), 1e-10)
    # Among finished runs as well, where nothing is trained.
    done = train_many(configs, places)
    assert isinstance(done[1], ValueError)
    assert all(trained(done[i]).finished for i in (0, 2))


def test_settings_that_do_not_fit_fail_alone():
    """A pattern is known to fit nothing once there is a network."""
    good, bad = config_of(), config_of({"optimizer.decayed": ["*.W_Q"]})
    found = train_many([bad, good, bad])
    assert_same_run(found[1], alone(good))
    for outcome in (found[0], found[2]):
        assert isinstance(outcome, ValueError)
        assert "optimizer.decayed: pattern '*.W_Q' fits none of blocks.0.mlp.W_in" in str(outcome)


# Memory


def test_a_cohort_that_does_not_fit_is_halved(monkeypatch, tmp_path):
    configs = [config_of({"seed": seed}) for seed in range(5)]
    expected = train_many(configs)
    sizes = sizes_of_cohorts(monkeypatch, limit=2)
    found = train_many(configs, [tmp_path / str(seed) for seed in range(5)])
    assert sizes == [5, 2, 3, 1, 2]
    for one, other in zip(found, expected, strict=True):
        assert_same_run(one, trained(other), 1e-10)


def test_memory_that_runs_out_while_training_starts_the_halves_anew(monkeypatch, tmp_path):
    configs = [config_of({"seed": seed}) for seed in range(2)]
    expected = train_many(configs, run_axis=False)
    original = Cohort.advance

    def advance(self):
        if len(self.networks) > 1 and self.step == 7:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] can't allocate memory: you tried")
        return original(self)

    monkeypatch.setattr(Cohort, "advance", advance)
    for places in (None, [tmp_path / "a", tmp_path / "b"]):
        found = train_many(configs, places, run_axis=False)
        for one, other in zip(found, expected, strict=True):
            assert_same_run(one, trained(other))


def test_memory_of_a_cohort_is_given_back_before_its_halves_are_made(monkeypatch):
    """At once: what waits for the collector of cycles still fills a card."""
    made: list[weakref.ref[Cohort]] = []
    original, there = Cohort.__init__, []

    def init(self, *arguments):
        there.append(sum(one() is not None for one in made))
        made.append(weakref.ref(self))
        original(self, *arguments)

    def advance(self):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Cohort, "__init__", init)
    monkeypatch.setattr(Cohort, "advance", advance)
    gc.collect()
    gc.disable()
    try:
        train_many([config_of({"seed": seed}) for seed in range(4)])
    finally:
        gc.enable()
    assert there == [0] * 7  # cohorts of 4, 2, 1, 1, 2, 1, 1


def test_one_run_that_does_not_fit_is_an_error_of_its_own(monkeypatch, tmp_path):
    sizes_of_cohorts(monkeypatch, limit=0)
    found = train_many([config_of(), config_of({"seed": 1})], [tmp_path / "a", tmp_path / "b"])
    assert [type(outcome) for outcome in found] == [MemoryError, MemoryError]
    assert str(found[0]) == "2 GiB more were asked for"
    assert not list(tmp_path.iterdir())
    with pytest.raises(MemoryError, match=r"^2 GiB more were asked for$"):
        train(config_of())


def test_other_errors_are_not_taken_for_memory(monkeypatch):
    def broken(*_):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(loop, "Cohort", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        train_many([config_of(), config_of({"seed": 1})])


# Going on

RESUMED = {
    **KINDS,
    "dropout after φ": {"model": {**MLP, "dropout": 0.5, "dropout_at": "post"}},
    "minibatches": {"optimizer.batch_size": 10},
    "batch norm": {"model": {**MLP, "norm": "batch", "norm_at": "pre"}},
    "Muon": {"model": {**TRANSFORMER, "bias": True}, "optimizer.name": "muon"},
    "Adam": {"optimizer": {"name": "adam", "weight_decay": 0.5}},
    "SGD with momentum": {"optimizer": {"name": "sgd", "momentum": 0.9}},
    "warm-up and cosine": {"optimizer": {"warmup": 7, "lr_schedule": "cosine"}},
    "Transformer, dropout and batch norm in minibatches": {
        "model": {**TRANSFORMER, "dropout": 0.3, "norm": "batch"},
        "optimizer.batch_size": 30,
    },
}


@pytest.mark.parametrize("kind", RESUMED)
def test_a_resumed_run_is_bit_identical(kind, tmp_path):
    """Cut off inside an epoch, the warm-up and the cosine, twice."""
    config = config_of(RESUMED[kind])
    expected = alone(config)
    for at in (4, 8):
        with pytest.raises(Interrupted, match=f"stopped at step {at + 1} of 12"):
            train(config, tmp_path / "run", interrupt_at(at))
    steps: list[int] = []
    found = train(config, tmp_path / "run", lambda step, _: steps.append(step))
    assert steps == [9, 10, 11, 12], "it did go on"
    assert_same_run(found, expected)


@pytest.mark.parametrize("run_axis", [True, False])
@pytest.mark.parametrize(
    "kind", ["plain MLP", "batch norm, dropout and biases in minibatches", "Transformer"]
)
def test_members_that_stopped_at_different_steps_go_on(kind, run_axis, tmp_path, monkeypatch):
    configs = [*members(kind), members(kind)[0].replace("seed", 9)]
    places = [tmp_path / name for name in "abcd"]
    expected = train_many(configs, run_axis=run_axis)
    for run, at in ((0, 4), (1, 7), (2, 4)):
        with pytest.raises(Interrupted):
            train_many([configs[run]], [places[run]], interrupt_at(at), run_axis=run_axis)
    assert [load(place).last_step for place in places[:3]] == [5, 8, 5]
    sizes = sizes_of_cohorts(monkeypatch)
    steps: list[int] = []
    found = train_many(configs, places, lambda step, _: steps.append(step), run_axis=run_axis)
    assert sizes == [4, 2, 1, 1], "all of them to see that they fit, then those of a step"
    assert steps == [*range(5, 13), *range(8, 13), *range(13)]
    for one, other in zip(found, expected, strict=True):
        # torch's product of a batch of matrices rounds by the size of the batch.
        assert_same_run(one, trained(other), 1e-10 if run_axis else 0)


def test_an_interrupted_cohort_saves_every_run(tmp_path):
    configs = members("MLP with dropout")
    places = [tmp_path / name for name in "abc"]
    with pytest.raises(Interrupted, match=r"^stopped at step 6 of 12; the same command resumes$"):
        train_many(configs, places, interrupt_at(5))
    assert [load(place).last_step for place in places] == [6, 6, 6]
    assert [load(place).measurement().step for place in places] == [6, 6, 6]
    expected = train_many(configs)
    for one, other in zip(train_many(configs, places), expected, strict=True):
        assert_same_run(one, trained(other))


def test_a_finished_member_is_loaded(tmp_path):
    configs = [config_of({"seed": seed}) for seed in range(2)]
    train(configs[0], tmp_path / "a")
    before = {p: p.read_bytes() for p in (tmp_path / "a").rglob("*") if p.is_file()}
    found = train_many(configs, [tmp_path / "a", tmp_path / "b"])
    assert [trained(run).finished for run in found] == [True, True]
    assert {p: p.read_bytes() for p in (tmp_path / "a").rglob("*") if p.is_file()} == before
    assert_same_run(found[1], alone(configs[1]), 1e-10)


# What moves what


@pytest.mark.parametrize("kind", ["batch norm, dropout and biases in minibatches", "Transformer"])
def test_evaluating_more_often_changes_nothing(kind):
    change = {"model.dropout": 0.3}
    rare = train(config_of(KINDS[kind], change, {"schedule": {"evaluations": 1, "checkpoints": 0}}))
    often = train(config_of(KINDS[kind], change, {"schedule": {"evaluations": 99}}))
    assert len(often.measurements) > 10 > len(rare.measurements)
    assert distance(often, rare) == 0


@pytest.mark.parametrize("purpose", ["batches", "dropout"])
def test_a_seed_of_training_moves_only_its_own(purpose):
    uses = {"batches": {"optimizer.batch_size": 20}, "dropout": {"model.dropout": 0.3}}
    moved = {f"seeds.{purpose}": 5}
    other = {f"seeds.{'dropout' if purpose == 'batches' else 'batches'}": 5}
    plain, with_seed, with_other = (
        train(config_of(uses[purpose], change)) for change in ({}, moved, other)
    )
    assert distance(plain, with_seed) > 1e-3
    assert distance(plain, with_other) == 0
    assert distance(train(config_of()), train(config_of(moved))) == 0, "nothing uses it"
    for key, array in plain.weights[0].items():
        np.testing.assert_array_equal(array, with_seed.weights[0][key])
    one, two = dataset_of(plain.config), dataset_of(with_seed.config)
    for field in ("is_train", "given_label", "is_redrawn"):
        np.testing.assert_array_equal(getattr(one, field), getattr(two, field))


def test_a_batch_of_all_examples_is_the_full_batch():
    count = int(dataset_of(config_of()).is_train.sum())
    for model in (MLP, {**MLP, "norm": "batch"}):
        whole = config_of({"model": model})
        batch = config_of({"model": model, "optimizer.batch_size": count})
        # The same sums in another order: another permutation, and autograd for the plain one.
        assert distance(train(whole), train(batch)) < 1e-10


def test_as_many_folders_as_runs():
    with pytest.raises(ValueError, match=r"^outs: expected 2 run folders, got 1$"):
        train_many([tiny_config()] * 2, [Path("one")])
    assert train_many([]) == []


def test_a_disk_that_is_full_ends_its_own_run_only(tmp_path, monkeypatch):
    configs = [config_of({"seed": seed}) for seed in range(3)]
    places = [tmp_path / name for name in "abc"]
    save = FolderSink.save

    def full_for_one(sink, step, *rest):
        if sink.path == places[1] and step > 0:
            raise OSError(28, "No space left on device", str(sink.path))
        save(sink, step, *rest)

    monkeypatch.setattr(FolderSink, "save", full_for_one)
    first, second, third = train_many(configs, places)
    assert isinstance(second, OSError)
    assert not (places[1] / "DONE").exists()
    for run, config in ((first, configs[0]), (third, configs[2])):
        assert_same_run(run, alone(config), 1e-10)
    monkeypatch.undo()
    assert_same_run(train(configs[1], places[1]), alone(configs[1]), 1e-10)
