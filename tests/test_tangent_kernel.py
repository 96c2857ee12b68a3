"""The tangent kernel: two ways of taking it, the movement and CKA by hand, lazy against rich."""

from __future__ import annotations

import re
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from interp.analysis.measure import NotDefined
from interp.analysis.measures import MEASURES
from interp.analysis.mechanism.untrained import untrained
from interp.analysis.trajectory.tangent_kernel import TangentKernel, alignment, shuffled_alignment
from interp.analysis.trajectory.tangents import by_autograd, closed_form, tangent_kernels
from interp.figures.tangent_kernel import tangent_kernel as drawn
from interp.training.config.run_config import parse_config
from interp.training.models.kinds import initial_network
from interp.training.models.layers.activation import activation
from interp.training.runs.origin import Origin
from interp.training.trainer.loop import train
from tests.conftest import tiny_config

ROOT = Path(__file__).parent.parent
measured = MEASURES["tangent_kernel"]
PHIS = ["square", "relu", "gelu", "gelu_tanh", "silu", "tanh", "cube", "quartic", "identity"]
OUTPUTS = torch.tensor([0, 3, 7])


def network_of(**model):
    config = parse_config({"task": {"p": 11}, "model": {"width": 16, **model}, "dtype": "float64"})
    network = initial_network(config, config.make_task())
    pairs = network.task.pairs
    some = np.random.default_rng(0).permutation(len(pairs))[:21]
    return network, torch.as_tensor(pairs[some])


def pair_by_pair(network, pairs, outputs):
    """⟨∂f_c(x)/∂θ, ∂f_c(y)/∂θ⟩ with one backward pass for each pair, of the logits that train."""
    weights, kernels = list(network.parameters()), []
    for output in outputs.tolist():
        rows = []
        for pair in pairs:
            logit = network.logits(pair[None])[0, output]
            parts = torch.autograd.grad(logit, weights, allow_unused=True)
            flat = [
                (torch.zeros_like(w) if part is None else part).flatten()
                for w, part in zip(weights, parts, strict=True)
            ]
            rows.append(torch.cat(flat))
        kernels.append(torch.stack(rows) @ torch.stack(rows).T)
    return torch.stack(kernels)


@pytest.mark.parametrize("phi", PHIS)
def test_the_closed_form_is_what_autograd_gives(phi):
    network, pairs = network_of(activation=phi, output_scale=3.0)
    found = closed_form(network, pairs, OUTPUTS)
    torch.testing.assert_close(found, by_autograd(network, pairs, OUTPUTS), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(found, pair_by_pair(network, pairs, OUTPUTS), rtol=1e-8, atol=1e-8)
    assert float(found.abs().max()) > 1e-3  # nothing is compared with zeros


def test_the_closed_form_takes_activations_of_ones_own(for_a_while):
    activation("own_sine")(torch.sin)
    network, pairs = network_of(activation="own_sine")
    found = tangent_kernels(network, pairs, OUTPUTS)
    expected = pair_by_pair(network, pairs, OUTPUTS)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)


_TRANSFORMER = {"kind": "transformer", "width": 500, "d_model": 8, "n_heads": 2, "d_mlp": 12}
OTHERS = {
    "three layers": {"depth": 3},
    "biases": {"bias": True},
    "batch norm": {"norm": "batch"},
    "layer norm": {"norm": "layer"},
    "Transformer": _TRANSFORMER,
    "Transformer, norms, two blocks": {**_TRANSFORMER, "norm": "layer", "n_layers": 2},
    "attention only": {**_TRANSFORMER, "d_mlp": 0},
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_networks_pair_by_pair(name):
    network, pairs = network_of(**OTHERS[name])
    was = {key: one.clone() for key, one in network.state_dict().items()}
    found = tangent_kernels(network, pairs, OUTPUTS)
    expected = pair_by_pair(network, pairs, OUTPUTS)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)
    assert all(torch.equal(was[key], one) for key, one in network.state_dict().items())
    assert all(one.grad is None for one in network.parameters())


# --- alignment ---------------------------------------------------------------------------------


def kernels_and_labels():
    random = np.random.default_rng(1)
    rows = random.normal(size=(2, 12, 5))
    labels = np.arange(12) % 3 == np.array([[0], [1]])
    return torch.as_tensor(rows @ rows.transpose(0, 2, 1)), torch.as_tensor(labels)


def test_alignment_is_hsic_by_matrices():
    """tr(HKH · HyyᵀH) ∕ (‖HKH‖ ‖HyyᵀH‖), Kornblith et al. 2019, with H written out."""
    kernels, labels = kernels_and_labels()
    centre = np.eye(12) - np.ones((12, 12)) / 12
    for kernel, y, found in zip(kernels, labels, alignment(kernels, labels), strict=True):
        one = centre @ kernel.numpy() @ centre
        two = centre @ np.outer(y, y).astype(float) @ centre
        expected = np.trace(one @ two) / (np.linalg.norm(one) * np.linalg.norm(two))
        assert float(found) == pytest.approx(expected, abs=1e-12)


def test_alignment_of_the_labels_own_kernel_is_one():
    _, labels = kernels_and_labels()
    y = labels.double()
    own = 3 * y[:, :, None] * y[:, None, :] + 5
    np.testing.assert_allclose(alignment(own, labels), 1, atol=1e-12)


def test_shuffled_alignment_is_the_mean_over_orders():
    kernels, labels = kernels_and_labels()
    random = np.random.default_rng(2)
    orders = torch.stack(
        [alignment(kernels, labels[:, random.permutation(12)]) for _ in range(4000)]
    )
    error = orders.std(dim=0) / 4000**0.5
    assert bool(((orders.mean(dim=0) - shuffled_alignment(kernels)).abs() < 4 * error).all())


# --- the measure -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run():
    return train(tiny_config(schedule={"evaluations": 10, "checkpoints": 5}))


def test_movement_and_norms_by_hand(run):
    found = measured(run, pairs=1000, outputs=1000)
    data = run.dataset
    pairs = torch.as_tensor(data.pairs[data.is_train])
    every = torch.arange(11)
    networks = [run.checkpoint(step).exact for step in (0, run.last_step)]
    first, last = (pair_by_pair(network, pairs, every).numpy() for network in networks)
    moved = [np.linalg.norm(b - a) / np.linalg.norm(a) for a, b in zip(first, last, strict=True)]
    then, now = (
        np.concatenate([w.detach().numpy().ravel() for w in network.parameters()])
        for network in networks
    )
    values = found.values()
    assert values["movement"] == pytest.approx(np.mean(moved), rel=1e-8)
    assert values["weight_norm"] == pytest.approx(np.linalg.norm(now), rel=1e-12)
    expected = np.linalg.norm(now - then) / np.linalg.norm(then)
    assert values["weight_movement"] == pytest.approx(expected, rel=1e-12)
    assert (values["start_movement"], values["start_weight_movement"]) == (0, 0)
    for name, labels in (("cka_given", data.given_label), ("cka_true", data.true_label)):
        is_label = torch.as_tensor(labels[data.is_train] == np.arange(11)[:, None])
        mean = float(alignment(torch.as_tensor(last), is_label).mean())
        assert values[name] == pytest.approx(mean, rel=1e-8)
    assert values["cka_given"] != values["cka_true"]


def test_the_control_is_an_untrained_network_of_another_seed(run):
    found = measured(run)
    other = replace(run, weights={0: run.weights[0], 9: of_seed(run, 1)})
    again = measured(other).rows[9]
    assert found.seed == 1
    assert found.untrained == again
    assert found.untrained.movement is not None and found.untrained.movement > 0


def of_seed(run, seed):
    network = untrained(run.checkpoint(0).network, seed=seed)
    return {name: one.detach().numpy() for name, one in network.named_parameters()}


def test_where_step_0_was_not_saved_the_initial_weights_are_drawn_again():
    """Also where the weights have a seed of their own."""
    whole = train(tiny_config(seeds={"weights": 5}))
    later = replace(whole, weights={30: whole.weights[30]})
    assert measured(later).rows[30] == measured(whole).rows[30]
    assert measured(later).start == measured(whole).start
    assert measured(later).seed == 6
    frame = measured(later).to_pandas()
    assert list(frame.index) == ["initial", "step 30", "untrained, seed 6"]
    assert list(frame["control"]) == [True, False, True]


def test_the_table_has_a_row_a_checkpoint_and_the_control(run):
    found = measured(run)
    frame = found.to_pandas()
    assert list(frame.index) == [*(f"step {s}" for s in run.steps), "untrained, seed 1"]
    assert list(frame["control"]) == [True, *([False] * (len(run.steps) - 1)), True]
    assert frame.loc["step 30", "movement"] == found.values()["movement"]
    assert "the rate is divided by κ" in found.note
    assert found.caption == ("tangent kernels of 8 outputs on 73 training pairs · seed 0 · step 30")


def test_an_output_scale_changes_neither_movement_nor_alignment(run):
    """K and K₀ both have its square."""
    config = run.config.model_copy(
        update={"model": run.config.model.model_copy(update={"output_scale": 10.0})}
    )
    one, other = measured(run).values(), measured(replace(run, config=config)).values()
    assert one == pytest.approx(other, rel=1e-9)


def test_fewer_pairs_and_outputs_and_another_seed(run):
    few = measured(run, pairs=20, outputs=2)
    assert few.caption.startswith("tangent kernels of 2 outputs on 20 training pairs")
    assert few.values() != measured(run, pairs=20, outputs=2, seed=1).values()


def test_outputs_that_label_no_pair_have_no_alignment(run):
    alone = measured(run, pairs=2, outputs=1, seed=3).values()
    assert (alone["cka_given"], alone["cka_true"], alone["cka_shuffled"]) == (None, None, None)
    assert alone["movement"] is not None


def test_a_kernel_of_zeros_has_no_relative_movement(run):
    nothing = {name: np.zeros_like(one) for name, one in run.weights[0].items()}
    found = measured(replace(run, weights={0: nothing, 30: run.weights[30]})).values()
    assert (found["movement"], found["weight_movement"]) == (None, None)
    assert (found["start_cka_given"], found["start_cka_shuffled"]) == (None, None)


def test_refused_where_the_initial_weights_are_not_known(run):
    told = {"layout": "mlp", "recognized": [], "assumed": [], "dropped": [], "questioned": []}
    message = (
        "measure tangent_kernel: expected a run that was trained here, whose initial weights are "
        "known; got one that was imported"
    )
    with pytest.raises(NotDefined, match=f"^{re.escape(message)}$"):
        measured(replace(run, origin=Origin(told)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pairs": 1}, "pairs: expected a whole number of at least 2, got 1"),
        ({"outputs": 0}, "outputs: expected a whole number of at least 1, got 0"),
        ({"seed": -1}, "seed: expected a whole number of at least 0, got -1"),
    ],
)
def test_options_are_checked(run, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        measured(run, **options)


def test_the_figure_has_movement_and_alignment_with_controls(run):
    found = measured(run)
    figure = found.plot()
    lines = {trace.name: trace for trace in figure.data}
    assert list(lines["movement of the kernel"].y) == [
        None,
        *(row.movement for step, row in found.rows.items() if step > 0),
    ]
    assert list(lines["CKA, shuffled labels"].y) == [r.cka_shuffled for r in found.rows.values()]
    for name, field in (("movement", "movement"), ("CKA, given", "cka_given")):
        control = lines[f"untrained: {name}"]
        assert list(control.y) == [getattr(found.untrained, field)] * 2
        assert control.line.dash == "dot"
    with pytest.raises(TypeError, match=r"^expected tangent kernels, such as .*, got int 3$"):
        drawn(3)


# --- lazy to rich, at p 47 and N 200, α .6 -----------------------------------------------------

example = runpy.run_path(str(ROOT / "examples" / "lazy_to_rich.py"))["train"]


def trained(kappa, noise=0.0, divided=True):
    sections = {"task": {"p": 47}, "data": {"fraction": 0.6, "corruption": noise}}
    config = parse_config({**sections, "model": {"width": 200}, "steps": 600})
    run, first = example(config, kappa, divided)
    found: TangentKernel = measured(run)
    return first, found.values()


# By κ: the step with test accuracy ≥ .9, the movement of the kernel, the norm of the weights.
# Source: an independent prototype, seed 0, ξ 0; a tolerance of 25 % and 20 %.
RICH = {0.3: (40, 136, 38), 1: (60, 50, 27), 3: (100, 15, 21), 10: (280, 3.2, 15)}


@pytest.mark.slow
@pytest.mark.parametrize("kappa", RICH)
def test_the_larger_the_scale_the_later_it_groks_and_the_less_the_kernel_moves(kappa):
    delay, movement, norm = RICH[kappa]
    found, values = trained(kappa)
    assert found == pytest.approx(delay, rel=0.25)
    assert values["movement"] == pytest.approx(movement, rel=0.2)
    assert values["weight_norm"] == pytest.approx(norm, rel=0.05)
    # It rises without any decay, and the labels are aligned beyond their shuffled selves.
    assert values["start_weight_norm"] == pytest.approx(11.4, abs=0.05)
    assert values["cka_given"] > 1.1 * values["cka_shuffled"]
    assert values["start_cka_given"] == pytest.approx(values["start_cka_shuffled"], rel=0.1)


@pytest.mark.slow
def test_adam_cancels_the_scale_of_the_loss_unless_its_rate_is_divided():
    found, _ = trained(10, divided=False)
    assert found == pytest.approx(140, rel=0.25)


@pytest.mark.slow
@pytest.mark.parametrize(("kappa", "delay"), [(0.3, 100), (1, 140), (3, 220), (10, None)])
def test_with_wrong_labels_it_groks_later_or_never(kappa, delay):
    found, _ = trained(kappa, 0.2)
    assert found == (None if delay is None else pytest.approx(delay, rel=0.25))
