"""The two-layer network: its names, hooks and gradients; the analytic solution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from interp.training.data.dataset import Dataset, make_dataset
from interp.training.evaluation import scores
from interp.training.models.analytic import analytic_network
from interp.training.models.kinds import initial_network
from interp.training.models.mlp import MLP
from interp.training.models.parts import cached_parts
from interp.training.tasks.task import make_task
from interp.training.trainer import by_hand as gradients
from interp.training.trainer.batches import Examples
from interp.training.trainer.by_hand import MLPGradients
from tests.conftest import plain_mlp, tiny_config
from tests.curves import curves_of

TASK = make_task("x + y", 11)
PHI = {
    "square": lambda z: z**2,
    "relu": lambda z: np.maximum(z, 0),
    # The exact form, by the normal distribution function.
    "gelu": lambda z: z * 0.5 * (1 + np.vectorize(__import__("math").erf)(z / np.sqrt(2))),
}


def random_network(activation: str = "square", width: int = 7, p: int = 11) -> MLP:
    network = plain_mlp(make_task("x + y", p), width, activation).double()
    network.set_curves(np.random.default_rng(1).normal(size=(3, width, p)))
    return network


def all_at_once(data: Dataset) -> Examples:
    return Examples([data], [0], None, torch.device("cpu"), run_axis=False)


@pytest.mark.parametrize("activation", PHI)
def test_forward_is_the_papers_formula(activation):
    network = random_network(activation)
    u, v, w = curves_of(network)
    pairs = torch.as_tensor(TASK.pairs)
    one_hot = np.eye(11)
    m, n = TASK.pairs.T
    expected = PHI[activation](one_hot[m] @ u.T + one_hot[n] @ v.T) @ w
    np.testing.assert_allclose(network(pairs).detach().numpy(), expected, rtol=1e-12, atol=1e-12)


def test_names_and_hooks_are_transformer_lens():
    network = random_network()
    shapes = {name: tuple(w.shape) for name, w in network.named_parameters()}
    assert shapes == {"blocks.0.mlp.W_in": (22, 7), "unembed.W_U": (7, 11)}
    pairs = torch.as_tensor(TASK.pairs)
    logits, cache = network.run_with_cache(pairs)
    torch.testing.assert_close(cache["blocks.0.mlp.hook_post"], cache["blocks.0.mlp.hook_pre"] ** 2)
    torch.testing.assert_close(cache["blocks.0.mlp.hook_post"] @ network.unembed.W_U, logits)


@pytest.mark.parametrize("pair", [[0, 11], [11, 0]])
def test_operands_beyond_the_modulus_are_refused(pair):
    """The rows of both operands share a matrix; one must not be read for the other."""
    with pytest.raises(IndexError, match="out of bounds"):
        random_network()(torch.tensor([pair]))


def test_set_curves_is_the_inverse_of_curves():
    network = random_network()
    curves = np.random.default_rng(2).normal(size=(3, 7, 11))
    network.set_curves(curves)
    np.testing.assert_array_equal(curves_of(network), curves)


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@pytest.mark.parametrize("activation", PHI)
@pytest.mark.parametrize("block_values", [2**20, 100], ids=["one block", "six blocks"])
def test_hand_written_gradient_equals_autograd(activation, loss, block_values, monkeypatch):
    """Against one-hot inputs through torch's own losses and backward pass."""
    monkeypatch.setattr(gradients, "_BLOCK_VALUES", block_values)
    network = random_network(activation)
    data = make_dataset(TASK, 0.7, 0.3)
    pairs, labels = data.pairs[data.is_train], data.given_label[data.is_train]
    w_in, w_out = (w.detach().clone().requires_grad_() for w in network.parameters())
    inputs = torch.eye(11, dtype=torch.float64)
    one_hot = torch.cat([inputs[pairs[:, 0]], inputs[pairs[:, 1]]], dim=1)
    phi = {"square": torch.square, "relu": torch.relu, "gelu": torch.nn.functional.gelu}[activation]
    logits = phi(one_hot @ w_in) @ w_out
    if loss == "mse":
        expected = torch.nn.functional.mse_loss(logits, inputs[labels])
    else:
        expected = torch.nn.functional.cross_entropy(logits, torch.as_tensor(labels))
    expected.backward()

    found = MLPGradients(network, all_at_once(data), loss)()
    torch.testing.assert_close(found, expected.detach(), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(network.layers[0].W_in.grad, w_in.grad, rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(network.unembed.W_U.grad, w_out.grad, rtol=1e-10, atol=1e-14)


def test_cross_entropy_gradient_survives_certainty_in_float32():
    """p(label) − 1 would round to zero here; the gradient must keep its float64 value."""
    network = plain_mlp(make_task("x + y", 3), 1)
    curves = np.zeros((3, 1, 3))
    curves[:2], curves[2, 0] = 1.0, [5.0, 0.0, -1.0]
    network.set_curves(curves)
    data = make_dataset(network.task, 1.0)
    only = np.arange(9) == 0
    data = replace(data, is_train=only, given_label=np.zeros(9, dtype=np.int64))
    assert (data.pairs[0] == 0).all()
    MLPGradients(network, all_at_once(data), "cross_entropy")()
    logits = 4 * curves[2, 0]
    share = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    expected = 4 * np.array([-(share[1] + share[2]), share[1], share[2]])
    found = network.unembed.W_U.grad
    assert found is not None
    np.testing.assert_allclose(found[0].numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize(("init", "std"), [("paper", (16 * 400) ** (-1 / 3)), ("he", None)])
def test_initial_scales(init, std):
    config = tiny_config(task={"p": 31}, model={"width": 400, "init": init})
    u, v, w = curves_of(initial_network(config, config.make_task()))
    expected_in = std or np.sqrt(2 / 62)
    expected_out = std or np.sqrt(2 / 400)
    for curve, expected in ((u, expected_in), (v, expected_in), (w, expected_out)):
        # 12,400 draws: the standard deviation is known to 1/sqrt(2·12400) = 0.6 %.
        assert curve.std() == pytest.approx(expected, rel=0.03)
    assert abs(np.corrcoef(u.ravel(), v.ravel())[0, 1]) < 0.05


def test_weights_seed_moves_weights_only():
    one, two = (tiny_config(seeds={"weights": seed}) for seed in (1, 2))
    first, second = (curves_of(initial_network(c, c.make_task())) for c in (one, two))
    assert not np.array_equal(first, second)
    assert one.seed_of("split") == two.seed_of("split") == 0


@pytest.mark.parametrize("operation", ["x + y", "x - y"])
def test_analytic_network_is_right_on_all_pairs(operation):
    """Gromov 2023 (arXiv 2301.02679): right on every pair for a large width."""
    task = make_task(operation, 97)
    found = scores(analytic_network(task, 500), make_dataset(task, 0.5))
    assert found["all"].accuracy == 1.0


@pytest.mark.parametrize("operation", ["x * y", "x / y"])
def test_analytic_network_on_discrete_logarithms(operation):
    task = make_task(operation, 97)
    network = analytic_network(task, 500)
    right = network(torch.as_tensor(task.pairs)).argmax(dim=1).numpy() == task.answers
    nonzero = (task.pairs != 0).all(axis=1)
    assert right[nonzero].all()


def test_scores_by_hand():
    """Three pairs' worth of arithmetic, done on paper."""
    task = make_task("x + y", 2)
    data = make_dataset(task, 0.5, 1.0, "wrong", split_seed=0)
    network = plain_mlp(task, 1).double()
    # Activation (1 + 1)² = 4 on every pair; logits (4, 0): the answer is always 0.
    curves = np.ones((3, 1, 2))
    curves[2, 0] = [1, 0]
    network.set_curves(curves)
    found = scores(network, data)
    truth = data.true_label
    train = data.is_train
    assert found["all"].accuracy == (truth == 0).mean() == 0.5
    assert found["corrupted"].accuracy == (truth[train] == 1).mean(), (
        "wrong label 0 where truth is 1"
    )
    assert found["corrected"].accuracy == (truth[train] == 0).mean()
    assert found["clean"].accuracy is None, "no clean example is left at ξ = 1"
    # Squared errors: (4−1)² + 0² where the label is 0, 4² + (0−1)² where it is 1; over 2 classes.
    assert found["all"].loss == pytest.approx((9 / 2 + 17 / 2) / 2)
    entropy = scores(network, data, "cross_entropy")
    assert entropy["all"].loss == pytest.approx((np.log1p(np.exp(-4)) + np.log1p(np.exp(4))) / 2)


def test_a_tie_is_no_answer():
    task = make_task("x + y", 5)
    found = scores(plain_mlp(task, 3), make_dataset(task, 0.5))
    assert found["all"].accuracy == 0.0


def test_a_pass_in_parts_is_the_papers_formula_and_hooks_see_all_pairs():
    network, task = random_network(width=2048, p=31), make_task("x + y", 31)
    u, v, w = curves_of(network)
    m, n = task.pairs.T
    one_hot = np.eye(31)
    post = (one_hot[m] @ u.T + one_hot[n] @ v.T) ** 2
    pairs = torch.as_tensor(task.pairs)
    with torch.no_grad():
        sizes = [len(part) for part in cached_parts(network, pairs, 2048)]
        assert sizes == [256, 256, 256, 193]
        np.testing.assert_allclose(network(pairs).numpy(), post @ w, rtol=1e-10, atol=1e-9)
        np.testing.assert_allclose(network.tail(pairs, 0)[0].numpy(), post, rtol=1e-12)
        _, cache = network.run_with_cache(pairs)
    np.testing.assert_allclose(cache["blocks.0.mlp.hook_post"].numpy(), post, rtol=1e-12)
    assert len(cached_parts(network, pairs, 2048)) == 1  # a gradient keeps all of them anyway
