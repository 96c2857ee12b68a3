"""One contract for every activation function, against formulas written out here."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from interp.exchange.bridge import to_bridge
from interp.training.config.run_config import parse_config
from interp.training.data.dataset import make_dataset
from interp.training.models.kinds import initial_network
from interp.training.models.layers.activation import ACTIVATIONS, Activation, activation, degree_of
from interp.training.runs.run import load
from interp.training.tasks.task import make_task
from interp.training.trainer.autograd import AutogradGradients
from interp.training.trainer.batches import Examples
from interp.training.trainer.by_hand import MLPGradients
from interp.training.trainer.loop import train
from tests.conftest import plain_mlp, tiny_config

# φ and φ', in plain Python.
FORMULA = {
    "square": (lambda z: z * z, lambda z: 2 * z),
    "relu": (lambda z: max(z, 0.0), lambda z: float(z > 0)),
    "gelu": (
        lambda z: z * (1 + math.erf(z / 2**0.5)) / 2,
        lambda z: (1 + math.erf(z / 2**0.5)) / 2 + z * math.exp(-z * z / 2) / (2 * math.pi) ** 0.5,
    ),
    "gelu_tanh": (
        lambda z: z / 2 * (1 + math.tanh(bend(z))),
        lambda z: (
            (1 + math.tanh(bend(z))) / 2
            + z / 2 / math.cosh(bend(z)) ** 2 * (2 / math.pi) ** 0.5 * (1 + 3 * 0.044715 * z * z)
        ),
    ),
    "silu": (
        lambda z: z / (1 + math.exp(-z)),
        lambda z: (1 + math.exp(-z) * (1 + z)) / (1 + math.exp(-z)) ** 2,
    ),
    "tanh": (math.tanh, lambda z: 1 / math.cosh(z) ** 2),
    "cube": (lambda z: z**3, lambda z: 3 * z * z),
    "quartic": (lambda z: z**4, lambda z: 4 * z**3),
    "identity": (lambda z: z, lambda z: 1.0),
    "sine": (math.sin, math.cos),
}
EVERY = [*ACTIVATIONS, "sine"]


def bend(z: float) -> float:
    """What GELU's approximation takes the tangent of (Hendrycks and Gimpel 2016)."""
    return (2 / math.pi) ** 0.5 * (z + 0.044715 * z**3)


def sine(pre: torch.Tensor) -> torch.Tensor:
    return pre.sin()


@pytest.fixture(autouse=True)
def with_an_own_one(for_a_while):
    activation("sine")(sine)


PRE = torch.from_numpy(np.random.default_rng(0).normal(size=(6, 7)))


def applied(function, values: torch.Tensor) -> torch.Tensor:
    found = [[function(z) for z in row] for row in values.tolist()]
    return torch.tensor(found, dtype=torch.float64)


def test_every_activation_of_the_project_has_a_formula_here():
    assert {name for name in ACTIVATIONS if ACTIVATIONS.is_own(name)} == FORMULA.keys() - {"sine"}


@pytest.mark.parametrize("name", FORMULA)
def test_value_is_the_formula(name):
    torch.testing.assert_close(ACTIVATIONS[name].value(PRE), applied(FORMULA[name][0], PRE))


DEGREE = {"square": 2, "relu": 1, "cube": 3, "quartic": 4, "identity": 1}


@pytest.mark.parametrize("name", EVERY)
def test_degree_of_homogeneity(name):
    assert ACTIVATIONS[name].degree == DEGREE.get(name) == degree_of(name)


@pytest.mark.parametrize(
    ("value", "degree"),
    [
        (lambda pre: torch.where(pre > 0, pre, 0.1 * pre), 1),  # leaky
        (lambda pre: pre.abs().sqrt(), 0.5),
        (lambda pre: pre.sign(), 0),
        (lambda pre: pre.relu() + pre.relu() ** 2, None),
        (lambda pre: torch.where(pre > 0, pre, pre**2), None),  # by the sign of its argument
        (lambda pre: pre**2 + 1e-3, None),
        (torch.exp, None),
        (torch.zeros_like, None),
        (lambda pre: pre.abs().log(), None),  # infinite at 0
        (lambda pre: (1e3 * pre).exp() ** 3, None),  # overflows
    ],
)
def test_degree_of_an_activation_of_ones_own(value, degree):
    assert Activation(value).degree == degree


@pytest.mark.parametrize("name", FORMULA)
def test_value_of_an_array(name):
    found = ACTIVATIONS[name].on(PRE.numpy())
    np.testing.assert_allclose(found, applied(FORMULA[name][0], PRE).numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", EVERY)
def test_value_can_be_differentiated_and_keeps_shape_and_precision(name):
    value = ACTIVATIONS[name].value
    assert torch.autograd.gradcheck(value, PRE.clone().requires_grad_())
    for dtype in (torch.float32, torch.float64):
        given = PRE.to(dtype)
        kept = given.clone()
        found = value(given.view(2, 3, 7))
        assert (found.shape, found.dtype) == ((2, 3, 7), dtype)
        assert torch.equal(given, kept)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if ACTIVATIONS[name].by_hand])
def test_buffers_are_filled_as_autograd_would(name):
    row, pre = ACTIVATIONS[name], PRE.clone().requires_grad_()
    gradient = torch.from_numpy(np.random.default_rng(1).normal(size=(6, 7)))
    expected = row.value(pre)
    (slope,) = torch.autograd.grad(expected, pre, gradient)
    out = torch.empty_like(PRE)
    row.into(PRE, out)
    torch.testing.assert_close(out, expected.detach())
    through = gradient.clone()
    row.backward(through, PRE)
    torch.testing.assert_close(through, slope)
    torch.testing.assert_close(through, gradient * applied(FORMULA[name][1], PRE))


@pytest.mark.parametrize("name", EVERY)
def test_the_hand_written_gradient_is_for_activations_that_have_one(name):
    config = tiny_config(model={"width": 16, "activation": name})
    assert MLPGradients.fits(config) == ACTIVATIONS[name].by_hand == (name != "sine")


@pytest.mark.parametrize("name", FORMULA)
def test_a_step_has_the_gradient_of_the_formula(name):
    """MSE of W φ(U + V), differentiated on paper."""
    task = make_task("x + y", 5)
    data = make_dataset(task, 0.6)
    network = plain_mlp(task, 4, name).double()
    network.set_curves(np.random.default_rng(3).normal(size=(3, 4, 5)))
    examples = Examples([data], [0], None, torch.device("cpu"), run_axis=False)
    AutogradGradients(network, examples, "mse")()
    pairs, labels = data.pairs[data.is_train], data.given_label[data.is_train]
    w_in, w_out = (w.detach() for w in network.parameters())
    pre = w_in[pairs[:, 0]] + w_in[5 + pairs[:, 1]]
    post = applied(FORMULA[name][0], pre)
    error = 2 * (post @ w_out - torch.eye(5, dtype=torch.float64)[labels]) / (len(pairs) * 5)
    back = error @ w_out.T * applied(FORMULA[name][1], pre)
    expected = torch.zeros_like(w_in)
    for row, (m, n) in zip(back, pairs, strict=True):
        expected[m] += row
        expected[5 + n] += row
    torch.testing.assert_close(network.layers[0].W_in.grad, expected)
    torch.testing.assert_close(network.unembed.W_U.grad, post.T @ error)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    "model",
    [{"width": 12}, {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12}],
    ids=["MLP", "Transformer"],
)
def test_a_run_is_trained_with_it(name, model, tmp_path):
    config = tiny_config(model={**model, "activation": name}, optimizer={"lr": 0.003})
    run = train(config, tmp_path / "run")
    assert load(tmp_path / "run").network().layers[0].activation == name
    first, last = (run.measurement(step).scores["train"].loss for step in (0, 30))
    assert last < first
    assert f", {name}" in config.model.summary


@pytest.mark.parametrize("name", EVERY)
def test_a_transformer_goes_out_with_it(name):
    model = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12, "activation": name}
    config = tiny_config(model=model, dtype="float64")
    network = initial_network(config, config.make_task())
    pairs = torch.as_tensor(network.task.pairs)
    found = to_bridge(network)(network.tokens(pairs))[:, -1]
    torch.testing.assert_close(found, network(pairs), rtol=1e-9, atol=1e-11)


def test_an_unknown_activation_is_refused_with_the_nearest():
    message = (
        r"^model\.activation: expected square, relu, gelu, gelu_tanh, silu, tanh, cube, quartic, "
        r"identity or sine, got 'Relu'; nearest is relu$"
    )
    with pytest.raises(ValueError, match=message):
        parse_config({"model": {"activation": "Relu"}})


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match="activation 'relu' is there already, from interp itself"):
        activation("relu")(sine)


@pytest.mark.parametrize(
    ("phi", "got"),
    [
        (lambda pre: pre[..., :1], "(2, 1)"),
        (lambda pre: pre.sum(), "()"),
        (lambda pre: (pre, pre), "tuple"),
        (lambda pre: None, "NoneType"),
    ],
)
@pytest.mark.parametrize("kind", ["mlp", "transformer"])
def test_an_own_activation_keeps_the_shape(phi, got, kind, for_a_while):
    """Told when the network is made; the loss would only say that shapes do not match."""
    activation("bent")(phi)
    model = {"kind": kind, "activation": "bent", ("width" if kind == "mlp" else "d_mlp"): 6}
    with pytest.raises(ValueError) as refused:
        train(tiny_config(model=model))
    assert str(refused.value) == (
        f"activation 'bent': expected a tensor of shape (2, 6), got {got}"
    )
