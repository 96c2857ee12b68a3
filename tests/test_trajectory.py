"""The path of the weights, Jacobians near the data and sharpness, each by a second way."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

import interp
from interp.analysis.measure import NotDefined
from interp.analysis.measures import MEASURES
from interp.analysis.trajectory.lanczos import largest_eigenvalue
from interp.analysis.trajectory.lipschitz import jacobian_norms
from interp.analysis.trajectory.path import path_parts
from interp.analysis.trajectory.sharpness import TrainingLoss
from interp.analysis.trajectory.smooth import entry_of, smooth_logits
from interp.analysis.trajectory.steps import Steps, slope_of
from interp.exchange.of_networks import network_run
from interp.training.models.adapt import adapt
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.subject import as_checkpoint
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train

from .conftest import tiny_config
from .own_modules import small
from .test_errors import refused

UV, W = "blocks.0.mlp.W_in", "unembed.W_U"
SGD = {"name": "sgd", "lr": 2.0, "momentum": 0.0, "warmup": 3, "lr_schedule": "cosine"}
MODELS = {
    "square": {"width": 6},
    "biases and a norm": {"width": 5, "bias": True, "norm": "batch", "activation": "gelu"},
    "three layers": {"width": 4, "depth": 3, "activation": "tanh"},
    "Transformer": {"kind": "transformer", "d_model": 4, "n_heads": 2, "d_mlp": 3},
    "Transformer with =": {
        **{"kind": "transformer", "d_model": 4, "n_heads": 1, "d_mlp": 3, "equals_token": True},
        **{"vocabulary": "operand", "activation": "silu", "bias": True},
    },
}


def small_run(model, **changes):
    values = {"task": {"p": 5}, "data": {"fraction": 0.6, "corruption": 0.3}, "steps": 20}
    return train(tiny_config(**{**values, "model": model, **changes}))


@pytest.fixture(scope="module")
def every():
    """Saved at every step, so that its path is known."""
    schedule = {"evaluations": 4, "checkpoint_steps": list(range(21))}
    return small_run({"width": 6, "bias": True}, optimizer=SGD, schedule=schedule)


@pytest.fixture(scope="module")
def few():
    """The same run, saved seldom."""
    schedule = {"evaluations": 4, "checkpoints": 3}
    return small_run({"width": 6, "bias": True}, optimizer=SGD, schedule=schedule)


# --- path ----------------------------------------------------------------------------------------


def flat(run, step, names=None):
    weights = run.weights[step]
    return np.concatenate(
        [np.asarray(weights[k], dtype=np.float64).ravel() for k in names or weights]
    )


def test_lengths_by_hand(every):
    found = MEASURES["path"](every, first=7).values()
    biases = [name for name in every.weights[0] if name.rpartition(".")[2].startswith("b_")]
    assert len(biases) == 2
    for ending, names in (("", None), (f".{UV}", [UV]), (f".{W}", [W]), (".biases", biases)):
        points = np.stack([flat(every, step, names) for step in range(21)])
        moved = np.linalg.norm(np.diff(points, axis=0), axis=1)
        expected = {
            "length": moved.sum(),
            "first_length": moved[:7].sum(),
            "distance": np.linalg.norm(points[-1] - points[0]),
            "walk": np.sqrt((moved**2).sum()),
            "variance": ((points - points.mean(axis=0)) ** 2).sum() / 21,
        }
        for name, value in expected.items():
            assert found[f"{name}{ending}"] == pytest.approx(value, rel=1e-9), (name, ending)
        assert found[f"scaled_length{ending}"] is None  # moves need be no single steps


def test_training_again_sees_every_step(every, few):
    found, known = MEASURES["path"](few, every_step=True), MEASURES["path"](every)
    assert found.points == tuple(range(21))
    for name in ("length", "distance", "walk", "variance", f"length.{UV}"):
        assert found.values()[name] == pytest.approx(known.values()[name], rel=1e-12)
    assert "every step, trained again, 20 steps" in found.caption
    assert found.note == ""
    between = MEASURES["path"](few)
    assert between.values()["length"] < 0.99 * found.values()["length"]
    assert f"{len(few.steps)} checkpoints, lengths are lower bounds" in between.caption


def test_other_weights_are_noticed(few):
    other = {step: dict(weights) for step, weights in few.weights.items()}
    last = max(other)
    gap = 0.01 * np.abs(other[last][UV]).max() / max(np.abs(w).max() for w in other[last].values())
    other[last][UV] = other[last][UV] * np.float32(1.01)
    found = MEASURES["path"](dataclasses.replace(few, weights=other), every_step=True)
    assert found.note == f"trained again with other weights: {gap:.1g} apart"


def test_scaled_steps_by_hand(few):
    """Warm-up over 3 steps, then half a cosine; ε from the derivative of the MSE."""
    steps, data = [], few.dataset
    train(few.config, callbacks=lambda step, scores, network: steps.append((step, network)) or None)
    length, names = 0.0, [name for name, _ in steps[0][1].named_parameters()]
    for (step, now), (_, then) in pairwise(steps):
        past = (step - 3) / (20 - 3)
        rate = 2.0 * ((step + 1) / 3 if step < 3 else (1 + np.cos(np.pi * past)) / 2)
        logits = now(torch.as_tensor(data.pairs[data.is_train])).double().numpy()
        error = 2 * (logits - np.eye(5)[data.given_label[data.is_train]]) / 5
        slope = np.linalg.norm(error, axis=1).mean()
        assert slope_of(few, now) == pytest.approx(slope, rel=1e-5)
        move = sum(
            float((then.get_parameter(k).double() - now.get_parameter(k).double()).square().sum())
            for k in names
        )
        length += np.sqrt(move) / (rate * slope)
    found = MEASURES["path"](few, every_step=True).values()
    assert found["scaled_length"] == pytest.approx(length, rel=1e-5)
    assert found["scaled_variance"] == pytest.approx(found["variance"] / 4, rel=1e-9)


def test_a_straight_path_and_a_circle():
    """n equal steps on a line lead n times as far as their size; round a circle nowhere."""

    def of(points):
        moved, away = np.diff(points, axis=0), points - points[0]
        return Steps(
            ("w",),
            np.arange(len(points)),
            (moved**2).sum(axis=1, keepdims=True),
            (away**2).sum(axis=1, keepdims=True),
            np.array([0.0]),
            np.ones(len(moved)),
        )

    line = path_parts(of(np.outer(np.arange(5), [3.0, 4.0])))[0].values()
    assert (line["length"], line["distance"], line["walk"]) == pytest.approx((20, 20, 10))
    angle = np.linspace(0, 2 * np.pi, 7)
    ring = path_parts(of(np.stack([np.cos(angle), np.sin(angle)], axis=1)))[0].values()
    assert (ring["length"], ring["walk"]) == pytest.approx((6, 6**0.5))
    assert ring["distance"] == pytest.approx(0, abs=1e-12)


def test_what_has_no_path(every, tiny_run):
    one = dataclasses.replace(every, weights={20: every.weights[20]})
    with pytest.raises(NotDefined, match=r"^expected a run with several checkpoints, found one$"):
        MEASURES["path"](one)
    network = adapt(small(), make_task("x + y", 11), "fc1", "tokens")
    imported = network_run({10: network}, tiny_run.dataset)
    with pytest.raises(NotDefined, match=r"^expected a run that was trained here, got one "):
        MEASURES["path"](imported, every_step=True)
    with refused("first: expected a whole number of at least 1, got 0"):
        MEASURES["path"](every, first=0)


def test_path_is_drawn(every, few):
    figure = MEASURES["path"](every).plot()
    panels = [one.text for one in figure.layout.annotations]
    assert panels[:3] == ["all weights", UV, "blocks.0.mlp.b_in"]
    assert [trace.name for trace in figure.data][:3] == [
        "length so far",
        "distance from the start",
        "control: steps in unrelated directions",
    ]
    assert figure.data[0].y[-1] == pytest.approx(MEASURES["path"](every).values()["length"])
    assert "2 parts more in the table" in figure.layout.title.subtitle.text
    table = MEASURES["path"](few).to_pandas()
    assert list(table.columns) == ["part", "step", "length", "distance", "walk"]
    assert len(table) == len(few.steps) * 6


# --- Jacobian ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_plain_operations_give_the_logits(name):
    network = small_run(MODELS[name]).checkpoint().exact
    pairs = torch.as_tensor(network.task.pairs)
    with torch.no_grad():
        torch.testing.assert_close(smooth_logits(network, pairs), network.logits(pairs))
        entry = entry_of(network, pairs)
        torch.testing.assert_close(entry.rest(entry.values), network.logits(pairs))


@pytest.mark.parametrize("name", MODELS)
def test_jacobian_by_moving_each_entry(name):
    """Central differences in every entry of both operands' one-hot vectors."""
    network = small_run(MODELS[name]).checkpoint().exact
    pairs = torch.as_tensor(network.task.pairs[[3, 11, 17]])
    found = jacobian_norms(network, pairs)
    tables = entry_of(network, pairs).tables.detach()
    ways = tables if tables.ndim == 3 else torch.stack([tables[:5], tables[5:]])
    for place, pair in enumerate(pairs):
        entry, columns = entry_of(network, pair[None]), []
        for way in (0, 1):
            for residue in range(5):
                change = torch.zeros_like(entry.values)
                row = change[:, way] if tables.ndim == 3 else change
                row += 1e-5 * ways[way, residue]
                with torch.no_grad():
                    up, down = (entry.rest(entry.values + s * change)[0] for s in (1, -1))
                columns.append((up - down) / 2e-5)
        whole = torch.stack(columns, dim=1).numpy()
        assert found["spectral"][place] == pytest.approx(np.linalg.norm(whole, 2), rel=1e-6)
        assert found["frobenius"][place] == pytest.approx(np.linalg.norm(whole), rel=1e-6)


def test_jacobian_of_the_papers_network(tiny_run):
    """W diag(2 (U e_m + V e_n)) [U V], and before the last product for ``entry``."""
    network = tiny_run.checkpoint().exact
    hidden, answer = (network.get_parameter(name).detach().numpy() for name in (UV, W))
    m, n = network.task.pairs[40]
    at_pre = answer.T * (2 * (hidden[m] + hidden[11 + n]))
    found = jacobian_norms(network, torch.as_tensor(network.task.pairs[[40]]))
    assert found["entry"][0] == pytest.approx(np.linalg.norm(at_pre), rel=1e-12)
    assert found["frobenius"][0] == pytest.approx(np.linalg.norm(at_pre @ hidden.T), rel=1e-12)
    every = jacobian_norms(network, torch.as_tensor(network.task.pairs))
    values = MEASURES["lipschitz"](tiny_run).values()
    for name, norms in every.items():
        assert values[f"{name}_mean"] == pytest.approx(norms.mean(), rel=1e-12)
        assert values[f"{name}_max"] == pytest.approx(norms.max(), rel=1e-12)
        assert values[f"{name}_mean_control"] < values[f"{name}_mean"]


def test_rescaled_neurons_move_the_entry_alone(tiny_run):
    """φ = x²: u → cu, v → cv, w → w/c² leaves the logits, and so J, as they were."""
    network = tiny_run.checkpoint().exact
    before = jacobian_norms(network, pairs := torch.as_tensor(network.task.pairs[:9]))
    other = small_copy(network)
    with torch.no_grad():
        other.get_parameter(UV).mul_(2)
        other.get_parameter(W).div_(4)
    after = jacobian_norms(other, pairs)
    np.testing.assert_allclose(after["spectral"], before["spectral"], rtol=1e-9)
    np.testing.assert_allclose(after["frobenius"], before["frobenius"], rtol=1e-9)
    np.testing.assert_allclose(after["entry"], before["entry"] / 2, rtol=1e-9)


def small_copy(network):
    copied = type(network)(network.task, network.model).double()
    copied.load_state_dict(network.state_dict())
    return copied


# --- sharpness -----------------------------------------------------------------------------------


def dense_hessian(checkpoint):
    """By autograd over one flat vector of weights, of the network's own forward pass."""
    network, data = checkpoint.exact, checkpoint.scored_on
    names = [name for name, _ in network.named_parameters()]
    shapes = [network.get_parameter(name).shape for name in names]
    start = torch.cat([network.get_parameter(name).detach().flatten() for name in names])
    pairs = torch.as_tensor(data.pairs[data.is_train])
    labels = torch.as_tensor(data.given_label[data.is_train])

    def loss(vector):
        parts = vector.split([int(np.prod(shape)) for shape in shapes])
        weights = {k: v.view(s) for k, v, s in zip(names, parts, shapes, strict=True)}
        if UV in weights and "blocks.0.attn.W_Q" not in weights:
            logits = by_hand(network, weights, pairs)
        else:
            logits = torch.func.functional_call(network, weights, (pairs,))
        if checkpoint.loss == "mse":
            return ((logits - nn.functional.one_hot(labels, 5)) ** 2).mean()
        return nn.functional.cross_entropy(logits, labels)

    return torch.autograd.functional.hessian(loss, start).numpy()


def by_hand(network, weights, pairs):
    """An MLP of any of the kinds here; its norm as it is outside training."""
    phi = {"square": torch.square, "gelu": nn.functional.gelu, "tanh": torch.tanh}
    values = torch.cat([nn.functional.one_hot(one, 5) for one in pairs.T], dim=1).double()
    for index, layer in enumerate(network.layers):
        values = values @ weights[f"blocks.{index}.mlp.W_in"]
        if layer.b_in is not None:
            values = values + weights[f"blocks.{index}.mlp.b_in"]
        values = phi[layer.activation](values)
        if layer.norm is not None:
            gain, shift = (weights[f"blocks.{index}.mlp.norm.{k}"] for k in "wb")
            values = (values - layer.norm.mean) / (layer.norm.var + 1e-5).sqrt() * gain + shift
    return values @ weights[W] + weights.get("unembed.b_U", 0)


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@pytest.mark.parametrize("name", MODELS)
def test_sharpness_is_the_top_eigenvalue_of_the_dense_hessian(name, loss):
    checkpoint = small_run(MODELS[name], loss=loss).checkpoint()
    dense = dense_hessian(checkpoint)
    found = MEASURES["sharpness"](checkpoint, iterations=300, tolerance=1e-7)
    assert found.numbers["converged"] is True
    assert found.numbers["sharpness"] == pytest.approx(np.linalg.eigvalsh(dense)[-1], rel=1e-4)
    product = TrainingLoss(checkpoint)
    vector = np.random.default_rng(0).standard_normal(product.size)
    np.testing.assert_allclose(product.times(vector), dense @ vector, rtol=1e-7, atol=1e-12)


def test_the_loss_is_that_of_training(tiny_run):
    checkpoint = tiny_run.checkpoint()
    found = float(TrainingLoss(checkpoint).loss().detach())
    assert found == pytest.approx(checkpoint.scores["train"].loss, rel=1e-12)


def test_nothing_is_changed(tiny_run):
    checkpoint = tiny_run.checkpoint()
    exact = checkpoint.exact
    before = {name: value.clone() for name, value in exact.state_dict().items()}
    MEASURES["sharpness"](checkpoint)
    MEASURES["lipschitz"](checkpoint)
    for name, value in exact.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
        assert exact.get_parameter(name).grad is None


def test_a_network_without_gradients_has_a_sharpness_too(tiny_run):
    network = tiny_run.checkpoint().exact
    frozen = small_copy(network).requires_grad_(False)
    alone = Checkpoint(frozen, tiny_run.dataset)
    expected = MEASURES["sharpness"](tiny_run).values()["sharpness"]
    assert MEASURES["sharpness"](alone).values()["sharpness"] == pytest.approx(expected, rel=1e-6)
    assert not any(weight.requires_grad for weight in frozen.parameters())


def test_too_few_iterations_are_said(tiny_run):
    found = MEASURES["sharpness"](tiny_run, iterations=2, tolerance=1e-9)
    whole = MEASURES["sharpness"](tiny_run)
    assert found.numbers["converged"] is False
    assert "NOT CONVERGED (network) in 2 products: a lower bound" in found.caption
    assert found.numbers["sharpness"] < whole.numbers["sharpness"]
    assert "NOT CONVERGED" not in whole.caption and whole.numbers["converged"] is True
    with refused("tolerance: expected a number above 0, got 0"):
        MEASURES["sharpness"](tiny_run, tolerance=0)
    with refused("iterations: expected a whole number of at least 1, got 0"):
        MEASURES["sharpness"](tiny_run, iterations=0)


def test_lanczos_on_known_spectra():
    """Largest in value, not in size; degenerate; of a vector that is an eigenvector; of zeros."""
    random = np.random.default_rng(1)
    turn = np.linalg.qr(random.standard_normal((40, 40)))[0]
    for values in (np.linspace(-9, 2, 40), np.repeat([1.0, 3.0], 20), -np.arange(1.0, 41)):
        matrix = turn @ np.diag(values) @ turn.T
        found = largest_eigenvalue(lambda v, m=matrix: m @ v, random.standard_normal(40), 40, 1e-10)
        assert found.value == pytest.approx(values.max(), rel=1e-9)
        assert found.converged
    own = largest_eigenvalue(lambda v: 2 * v, random.standard_normal(5), 5, 1e-10)
    assert (own.value, own.iterations, own.converged) == (pytest.approx(2), 1, True)
    zero = largest_eigenvalue(lambda v: 0 * v, random.standard_normal(5), 5, 1e-10)
    assert (zero.value, zero.residual, zero.converged) == (0, 0, True)


def test_sharpness_of_an_adapted_module(tiny_run):
    network = adapt(small(), make_task("x + y", 11), "fc1", "tokens")
    found = MEASURES["sharpness"](as_checkpoint(network, dataset=tiny_run.dataset))
    assert np.isfinite(found.values()["sharpness"])
    assert found.values()["sharpness_control"] is None
    assert "untrained: not known for an adapted module" in found.caption


def test_history(tiny_run):
    found = interp.history(tiny_run, "sharpness")
    assert found.rows[0]["sharpness"] == pytest.approx(found.rows[0]["sharpness_control"], rel=1e-4)
