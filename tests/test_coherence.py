"""Phase errors and coherence of networks whose phases are known; x² in place of φ."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from interp.analysis.measures import MEASURES
from interp.analysis.mechanism.coherence import Agreement, Coherence, _mean
from interp.analysis.mechanism.filtered import filtered
from interp.analysis.mechanism.swap import swapped
from interp.training.data.dataset import make_dataset
from interp.training.evaluation import scores
from interp.training.models.analytic import analytic_network
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import plain_mlp, tiny_config


def refused(message: str):
    return pytest.raises(ValueError, match=re.escape(message))


def cosines(phases: np.ndarray, frequency: np.ndarray, size: np.ndarray, p: int = 11):
    """A network of cosines with the phases of its three curves, (3, neuron)."""
    angle = 2 * np.pi * np.outer(frequency, np.arange(p)) / p
    network = plain_mlp(make_task("x + y", p), len(frequency)).double()
    network.set_curves([size[:, None] * np.cos(angle + phase[:, None]) for phase in phases])
    return network


@pytest.mark.parametrize("operation", ["x + y", "x - y", "x * y", "x / y"])
def test_the_analytic_network_is_coherent(operation):
    found = MEASURES["coherence"](analytic_network(make_task(operation, 11), 40))
    np.testing.assert_allclose(found.error, 0, atol=1e-9)
    values = found.values()
    assert values["coherence"] == pytest.approx(1)
    assert values["square"] == pytest.approx(0, abs=1e-18)
    assert (values["near"], values["same"], values["neurons"]) == (1, 1, 40)


def test_errors_and_weights_by_hand():
    """e = φu + φv − φw is 0.5, −1 and 3; the third neuron is twice as large: weight 8."""
    phases = np.array([[0.2, 1.0, 2.0], [0.5, -1.5, 2.0], [0.2, 0.5, 1.0]])
    found = MEASURES["coherence"](cosines(phases, np.array([1, 2, 3]), np.array([1.0, 1.0, 2.0])))
    np.testing.assert_allclose(found.error, [0.5, -1.0, 3.0], atol=1e-9)
    values = found.values()
    expected = (np.cos(0.5) + np.cos(1.0) + 8 * np.cos(3.0)) / 10
    assert values["coherence"] == pytest.approx(expected)
    assert values["square"] == pytest.approx((0.25 + 1 + 9) / 3)
    assert values["near"] == pytest.approx(1 / 3)


def test_errors_are_read_at_the_frequency_of_the_answer_curve():
    p, n = 11, np.arange(11)

    def wave(k: int, phase: float, size: float) -> np.ndarray:
        return size * np.cos(2 * np.pi * k * n / p + phase)

    network = plain_mlp(make_task("x + y", p), 1).double()
    u = wave(2, 0.3, 1) + wave(4, 1.1, 3)  # strongest elsewhere
    network.set_curves([u[None], wave(2, 0.4, 1)[None], wave(2, 0.5, 1)[None]])
    found = MEASURES["coherence"](network)
    np.testing.assert_allclose(found.error, [0.2], atol=1e-9)
    assert found.values()["same"] == 0


def test_shuffled_phases_have_the_null_of_the_circle():
    network = analytic_network(make_task("x + y", 97), 480)
    values = MEASURES["coherence"](network, draws=40).values()
    assert values["square_shuffled"] == pytest.approx(np.pi**2 / 3, abs=0.15)
    assert values["near_shuffled"] == pytest.approx(1 / 4, abs=0.02)
    # Only curves of the same frequency have weight, one pair in 48.
    assert abs(values["coherence_shuffled"]) < 0.2
    assert abs(values["coherence_untrained"]) < 0.2


def test_a_lazy_network_is_coherent_too(tiny_run):
    """Ridge regression alone aligns the answer curves with frozen random features."""
    task = make_task("x + y", 53)
    data = make_dataset(task, 0.6)
    untrained = train(tiny_config(task={"p": 53}, model={"width": 400}, steps=1)).checkpoint(0)
    values = MEASURES["coherence"](Checkpoint(untrained.network, data)).values()
    assert abs(values["coherence"]) < 0.2
    assert values["coherence_lazy"] > 0.5


def test_neurons_on_either_side_of_the_cut(tiny_run):
    found = MEASURES["coherence"](tiny_run)
    each = found.agreement
    assert each["high_ipr"].neurons + each["low_ipr"].neurons == each["all"].neurons == 16
    weighted = (
        each["high_ipr"].neurons * each["high_ipr"].square
        + each["low_ipr"].neurons * each["low_ipr"].square
    )
    assert weighted / 16 == pytest.approx(each["all"].square)
    frame = found.to_pandas()
    assert list(frame.index[frame["control"]]) == ["shuffled", "untrained", "lazy"]


def test_neurons_without_power_have_no_phase():
    found = MEASURES["coherence"](plain_mlp(make_task("x + y", 11), 3))
    assert np.isnan(found.error).all()
    assert found.values()["coherence"] is None
    assert found.values()["coherence_shuffled"] is None
    assert isinstance(found, Coherence)
    none, one = Agreement(0, None, None, None, None), Agreement(2, 1.0, 0.5, 0.2, 0.0)
    assert _mean([none, one]) == Agreement(1, None, None, None, None)


def test_rules_without_a_relation_of_phases():
    run = train(tiny_config(task={"operation": "x**2 + y**2"}, steps=1))
    with refused(
        "measure coherence: expected a rule with a known relation of phases, x + y, x - y"
    ):
        MEASURES["coherence"](run)


# --- x² in place of φ ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def relu():
    return train(tiny_config(model={"width": 16, "activation": "relu"}))


def test_swapped_is_the_formula(relu):
    network = relu.checkpoint().network
    weights = {name: one.double() for name, one in network.state_dict().items()}
    w_in, pairs = weights["blocks.0.mlp.W_in"], torch.as_tensor(network.task.pairs)
    expected = (w_in[pairs[:, 0]] + w_in[11 + pairs[:, 1]]) ** 2 @ weights["unembed.W_U"]
    torch.testing.assert_close(swapped(network)(pairs), expected)
    assert network.model.phi == "relu"


def test_scores_with_and_without_the_swap(relu):
    found = MEASURES["activation_swap"](relu)
    own = relu.checkpoint().network
    for name, network in (("whole", own), ("g", filtered(own)), ("r", filtered(own, "R"))):
        for tail, one in (("", network), ("_swapped", swapped(network))):
            expected = scores(one, relu.dataset)["all"].loss
            assert found.values()[f"{name}{tail}.all_loss"] == pytest.approx(expected, rel=1e-4)
    assert found.caption.startswith("φ = relu, and x² in its place")
    assert found.is_control("lazy_g_swapped")
    assert not found.is_control("g_swapped")
    assert found.words("g_swapped") == "G-net, with x²"


def test_what_cannot_be_swapped(tiny_run):
    with refused("activation_swap: expected another activation function than square"):
        MEASURES["activation_swap"](tiny_run)
    heads = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 0}
    with refused("activation_swap: an attention-only network has no neurons"):
        MEASURES["activation_swap"](train(tiny_config(model=heads, steps=1)))
    transformer = {**heads, "d_mlp": 6, "activation": "gelu"}
    assert MEASURES["activation_swap"](train(tiny_config(model=transformer))).values()


def test_the_alternating_function_of_an_even_group_has_no_phase():
    """p 12: a curve strongest at 6, where it is (−1)^i, is read at its next frequency."""
    n = np.arange(12)

    def curve(k: int, phase: float) -> np.ndarray:
        return np.cos(2 * np.pi * k * n / 12 + phase) + 2 * (-1.0) ** n

    network = plain_mlp(make_task("x + y", 12), 1).double()
    network.set_curves([curve(2, 0.3)[None], curve(2, 0.4)[None], curve(2, 0.2)[None]])
    found = MEASURES["coherence"](network)
    np.testing.assert_allclose(found.error, [0.5], atol=1e-9)
    assert "(of those with a phase)" in found.caption
    with refused("expected a modulus of at least 4, whose curves have phases; got 3"):
        MEASURES["coherence"](train(tiny_config(task={"p": 3}, steps=1)))
