"""Votes of neurons for wrong labels: by hand, by networks without neurons, by every subset."""

from __future__ import annotations

import itertools
import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from interp.analysis.measure import NotDefined
from interp.analysis.measures import MEASURES
from interp.analysis.memorization.controls import gaussian_votes
from interp.analysis.memorization.removal import removal
from interp.analysis.memorization.spread import cosines, effective_rank, participation, spread
from interp.analysis.memorization.votes import Votes, votes
from interp.analysis.neurons.classify import NotBimodalWarning, classify
from interp.analysis.neurons.read import neuron_table
from interp.figures.memory import memory as drawn
from interp.training.data.dataset import make_dataset
from interp.training.models.adapt import adapt
from interp.training.models.analytic import analytic_network
from interp.training.models.kinds import fresh_network
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.subject import as_checkpoint
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import plain_mlp, tiny_config
from tests.own_modules import Embedded

# A barely trained network has no two classes.
pytestmark = pytest.mark.filterwarnings(
    "ignore::interp.analysis.neurons.classify.NotBimodalWarning"
)
P = 11
SUMS = {
    "MLP": {"width": 16},
    "biases": {"width": 16, "bias": True},
    "three layers": {"width": 16, "depth": 3, "activation": "relu", "bias": True},
    "Transformer": {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12},
}


def labels_of(dataset):
    """Pairs, given and true label of the wrong training examples, by a loop."""
    found = [
        (*pair, given, true)
        for pair, given, true, trained in zip(
            dataset.pairs.tolist(),
            dataset.given_label,
            dataset.true_label,
            dataset.is_train,
            strict=True,
        )
        if trained and given != true
    ]
    array = np.array(found)
    return array[:, :2], array[:, 2], array[:, 3]


def margin_without(network, pairs, given, true, layer, scale) -> np.ndarray:
    """Margins with the activations of a layer times ``scale``, by the network's own hooks."""

    def changed(value, hook):
        return value * scale

    with torch.no_grad():
        logits = network.run_with_hooks(
            torch.as_tensor(pairs), fwd_hooks=[(f"blocks.{layer}.mlp.hook_post", changed)]
        ).numpy()
    row = np.arange(len(pairs))
    return logits[row, given] - logits[row, true]


def by_hand_network(width: int = 6, seed: int = 3):
    """f(m, n) = W (U e_m + V e_n)² with Gaussian weights, and the three."""
    network = plain_mlp(make_task("x + y", P), width).double()
    curves = np.random.default_rng(seed).standard_normal((3, width, P))
    network.set_curves(curves)
    return network, curves


def test_votes_by_a_loop_over_examples_and_neurons():
    network, (u, v, w) = by_hand_network()
    dataset = make_dataset(network.task, 0.5, 0.6, split_seed=1)
    found = MEASURES["memory"](Checkpoint(network, dataset))
    pairs, given, true = labels_of(dataset)
    expected = np.array(
        [
            [(u[k, m] + v[k, n]) ** 2 * (w[k, g] - w[k, t]) for k in range(6)]
            for (m, n), g, t in zip(pairs, given, true, strict=True)
        ]
    )
    np.testing.assert_allclose(found.matrix, expected, rtol=1e-5)  # it is float32
    for own, wanted in ((found.pairs, pairs), (found.given, given), (found.true, true)):
        np.testing.assert_array_equal(own, wanted)
    values, table = found.values(), neuron_table(network)
    assert (values["examples"], values["neurons"]) == (len(pairs), 6)
    low = classify(table).memorizing
    assert values["margin_low_ipr"] == pytest.approx(expected[:, low].sum(axis=1).mean())
    assert values["margin_high_ipr"] == pytest.approx(expected[:, ~low].sum(axis=1).mean())
    assert values["margin"] == pytest.approx(expected.sum() / len(pairs))
    assert (values["margin_base"], values["margin_dead"], values["row_sum_share"]) == (0, 0, 1)
    correlation = np.corrcoef(table.ipr, expected.mean(axis=0))[0, 1]
    assert values["ipr_correlation"] == pytest.approx(correlation)
    frame = found.to_pandas()
    np.testing.assert_allclose(frame["mean_contribution"], expected.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(frame["ipr"], table.ipr)
    assert list(frame["class"]) == classify(table).names
    margin = expected.sum(axis=1, keepdims=True)
    lost = ((margin > 0) & (margin - expected <= 0)).sum(axis=0)
    assert list(frame["examples_lost"]) == list(lost)
    assert values["lost_per_neuron"] == lost.mean()


@pytest.mark.parametrize("name", SUMS)
def test_rows_and_base_sum_to_the_margin(name):
    checkpoint = as_checkpoint(train(tiny_config(model=SUMS[name])))
    network = checkpoint.exact
    layer = len(network.layers) - 1
    found = MEASURES["memory"](checkpoint, layer=layer)
    pairs, given, true = labels_of(checkpoint.dataset)
    rows = found.matrix.sum(axis=1, dtype=np.float64) + found.base
    margin = margin_without(network, pairs, given, true, layer, 1.0)
    np.testing.assert_allclose(rows, margin, atol=1e-5)
    nothing = margin_without(network, pairs, given, true, layer, 0.0)
    np.testing.assert_allclose(found.base, nothing, atol=1e-9)
    assert np.any(nothing) == (name != "MLP")
    assert found.exact
    assert "rows and base sum to the margin" in found.note
    assert "null: votes g²g′ of Gaussians, as of φ = x²" in found.note
    values = found.values()
    parts = ("margin_low_ipr", "margin_high_ipr", "margin_dead", "margin_base")
    assert sum(values[part] for part in parts) == pytest.approx(margin.mean(), abs=1e-9)
    assert values["row_sum_share"] == pytest.approx(1 - nothing.mean() / margin.mean())


@pytest.mark.parametrize(
    "model",
    [
        {"width": 16, "depth": 3, "activation": "square"},
        {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12, "n_layers": 2},
    ],
)
def test_first_order_by_small_changes(model):
    """dM/ds of activations a_k · s at s = 1, by central differences."""
    checkpoint = as_checkpoint(train(tiny_config(model=model)))
    network, step = checkpoint.exact, 1e-5
    found = MEASURES["memory"](checkpoint, layer=0)
    pairs, given, true = labels_of(checkpoint.dataset)
    for neuron in (0, 7):
        change = torch.zeros(found.matrix.shape[1], dtype=torch.float64)
        change[neuron] = step
        ahead, behind = (
            margin_without(network, pairs, given, true, 0, 1 + sign * change) for sign in (1, -1)
        )
        expected = (ahead - behind) / (2 * step)
        np.testing.assert_allclose(found.matrix[:, neuron], expected, rtol=1e-4, atol=1e-7)
    assert not found.exact
    assert "first order" in found.note
    margin = margin_without(network, pairs, given, true, 0, 1.0).mean()
    share = found.matrix.sum(axis=1, dtype=np.float64).mean() / margin
    assert found.values()["row_sum_share"] == pytest.approx(share, rel=1e-4)
    assert share != pytest.approx(1, abs=0.01)


def test_an_adapted_module_has_the_votes_of_its_own_weights():
    torch.manual_seed(0)
    module = Embedded(P, 12)
    network = adapt(module, make_task("x + y", P), "fc1", "tokens")
    dataset = make_dataset(network.task, 0.5, 0.6)
    found = MEASURES["memory"](Checkpoint(network, dataset))
    pairs, given, true = labels_of(dataset)
    with torch.no_grad():
        hidden = module.fc1(module.embed(torch.as_tensor(pairs)).flatten(1)).relu().numpy()
        head, bias = module.head.weight.numpy(), module.head.bias.numpy()
    np.testing.assert_allclose(found.matrix, hidden * (head[given] - head[true]), atol=1e-5)
    np.testing.assert_allclose(found.base, bias[given] - bias[true], atol=1e-5)
    assert "ipr_correlation_untrained" not in found.values(), "it has no untrained network"


# --- spread ------------------------------------------------------------------------------------


def test_participation_of_rows_that_are_known():
    rows = np.array([[5.0, 0, 0, 0], [2, -2, 2, -2], [3, 1, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(participation(rows), [1, 4, 16 / 10, np.nan])
    assert spread(rows)["participation"] == pytest.approx(1.6), "the row of zeros has none"


def test_participation_of_noise_by_moments():
    """(E|c|)² / E c² = (√(2/π))² / (3 · 1) for c = g² g′."""
    found = participation(gaussian_votes(4, 100_000, 0).each) / 100_000
    np.testing.assert_allclose(found, 2 / (3 * np.pi), rtol=0.05)


def test_effective_rank_of_matrices_that_are_known():
    turned = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
    three_one = np.diag([3.0, 1, 0, 0]) @ turned
    assert effective_rank(three_one) == pytest.approx(16 / 10)
    assert effective_rank(turned[:, :3]) == pytest.approx(3)
    assert effective_rank(turned[:3]) == pytest.approx(3)
    assert effective_rank(np.zeros((2, 3))) is None


def test_cosines_by_a_loop_over_pairs():
    random = np.random.default_rng(5)
    each = random.standard_normal((40, 7))
    each[3] = 0
    pairs, label = random.integers(0, 6, (40, 2)), random.integers(0, 4, 40)
    found: dict[str, list[float]] = {"same_label": [], "same_operand": [], "neither": []}
    for a, b in itertools.combinations([i for i in range(40) if i != 3], 2):
        cosine = each[a] @ each[b] / np.linalg.norm(each[a]) / np.linalg.norm(each[b])
        shared = pairs[a, 0] == pairs[b, 0] or pairs[a, 1] == pairs[b, 1]
        kind = "same_label" if label[a] == label[b] else "same_operand" if shared else "neither"
        found[kind].append(cosine)
    values = cosines(each, pairs, label, np.random.default_rng(0))
    assert values == {f"cosine_{k}": pytest.approx(np.mean(v)) for k, v in found.items()}
    alone = cosines(each[:1], pairs[:1], label[:1], np.random.default_rng(0))
    assert alone == dict.fromkeys(values)


def test_cosines_of_many_rows_are_those_of_some(monkeypatch):
    monkeypatch.setattr("interp.analysis.memorization.spread.MOST_ROWS", 2)
    each, label = np.array([[1.0, 0], [1, 1], [0, 1]]), np.array([0, 0, 0])
    found = {
        round(cosines(each, np.eye(3, 2, dtype=int), label, np.random.default_rng(s))[name], 9)
        for s in range(20)
        for name in ["cosine_same_label"]
    }
    assert found == {0.0, round(0.5**0.5, 9)}, "each is the cosine of two rows"


# --- removal -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noise() -> Votes:
    random = np.random.default_rng(2)
    base = random.standard_normal(30) * 0.5
    base[:10], base[10:13] = 0, 9
    return Votes(random.standard_normal((30, 6)), base)


def test_best_first_is_the_smallest_of_all_subsets(noise):
    found = removal(noise, np.arange(6)[None])
    held = [e for e in range(30) if noise.each[e].sum() + noise.base[e] > 0]
    assert list(np.flatnonzero(found.held)) == held
    for e, best in zip(held, found.best, strict=True):
        sizes = [
            size
            for size in range(1, 7)
            for some in itertools.combinations(range(6), size)
            if noise.base[e] + np.delete(noise.each[e], some).sum() <= 1e-12
        ]
        assert best == min(sizes, default=np.inf)
    assert np.isinf(found.best).any(), "a base that holds the margin alone"
    assert np.isfinite(found.best).any()


def test_random_orders_by_removing_one_neuron_after_another(noise):
    random = np.random.default_rng(0)
    orders = np.stack([random.permutation(6) for _ in range(3)])
    found = removal(noise, orders)
    held = np.flatnonzero(found.held)
    until = np.full((3, len(held)), np.inf)
    for (d, order), (i, e) in itertools.product(enumerate(orders), enumerate(held)):
        for size in range(6, 0, -1):
            if noise.base[e] + noise.each[e][order[size:]].sum() <= 0:
                until[d, i] = size
    np.testing.assert_allclose(found.random, until.mean(axis=0))
    for size in range(7):
        assert found.left_random[size] == pytest.approx((until > size).mean())
        assert found.left_best[size] == pytest.approx((found.best > size).mean())
    values = found.values()
    assert values["held"] == len(held)
    assert values["to_forget_random"] == pytest.approx(np.median(until.mean(axis=0)))
    assert values["to_forget_best"] == np.median(found.best)
    margins = noise.each.sum(axis=1) + noise.base
    lost = [sum(0 < margins[e] <= noise.each[e, k] for e in range(30)) for k in range(6)]
    assert list(found.lost) == lost


def test_a_network_that_knows_the_rule_holds_no_wrong_label():
    network = analytic_network(make_task("x + y", P), 60)
    dataset = make_dataset(network.task, 0.6, 0.5)
    found = MEASURES["memory"](Checkpoint(network, dataset))
    values = found.values()
    assert values["margin"] < 0
    assert values["held"] == 0
    for name in ("to_forget_best", "to_forget_random", "lost_per_neuron"):
        assert values[name] is None
    right = (dataset.given_label == dataset.true_label) & dataset.is_train
    assert values["held_clean"] == min(right.sum(), values["examples"])
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert found.plot().data


def test_a_network_without_power_has_no_classes():
    network = plain_mlp(make_task("x + y", P), 4)
    found = MEASURES["memory"](Checkpoint(network, make_dataset(network.task, 0.6, 0.5)))
    values = found.values()
    assert (values["margin"], values["margin_low_ipr"], values["ipr_correlation"]) == (
        0,
        None,
        None,
    )
    assert (values["participation"], values["effective_rank"]) == (None, None)
    assert found.to_pandas()["class"].isna().all()
    assert found.plot().data


# --- controls ----------------------------------------------------------------------------------


def test_controls_by_the_same_formulas_on_other_votes():
    network, _ = by_hand_network(8)
    dataset = make_dataset(network.task, 0.6, 0.3)
    values = MEASURES["memory"](Checkpoint(network, dataset), draws=4, seed=6).values()
    pairs, given, true = labels_of(dataset)
    fresh = fresh_network(network, "paper", 6)
    with torch.no_grad():
        first, second = fresh.layers[0].W_in.numpy().reshape(2, P, 8)
        hidden = (first[pairs[:, 0]] + second[pairs[:, 1]]) ** 2
        answers = fresh.unembed.W_U.numpy()
    own = hidden * (answers[:, given] - answers[:, true]).T
    known = np.abs(own).sum(axis=1) ** 2 / (own**2).sum(axis=1)
    assert values["participation_untrained"] == pytest.approx(np.median(known))
    assert values["margin_untrained"] == pytest.approx(own.sum(axis=1).mean())
    assert values["held_untrained"] == (own.sum(axis=1) > 0).sum()
    assert values["held_null"] == (gaussian_votes(len(pairs), 8, 6).each.sum(axis=1) > 0).sum()
    again = MEASURES["memory"](Checkpoint(network, dataset), draws=4, seed=7).values()
    assert again["participation_null"] != values["participation_null"]
    assert again["participation"] == values["participation"]


def test_right_examples_against_the_strongest_other_answer():
    """Of nearly all training examples wrong, every right one is taken."""
    network, (u, v, w) = by_hand_network(8)
    dataset = make_dataset(network.task, 0.9, 0.9)
    values = MEASURES["memory"](Checkpoint(network, dataset)).values()
    right = dataset.is_train & (dataset.given_label == dataset.true_label)
    margins = []
    for (m, n), label in zip(dataset.pairs[right], dataset.true_label[right], strict=True):
        logits = (u[:, m] + v[:, n]) ** 2 @ w
        margins.append(logits[label] - np.delete(logits, label).max())
    assert values["margin_clean"] == pytest.approx(np.mean(margins))
    assert values["held_clean"] == (np.array(margins) > 0).sum()
    parts = values["margin_low_ipr_clean"] + values["margin_high_ipr_clean"]
    assert parts == pytest.approx(np.mean(margins))


def test_no_right_examples_no_numbers_of_them():
    network, _ = by_hand_network()
    dataset = make_dataset(network.task, 0.5, 1.0, kind="wrong")
    values = MEASURES["memory"](Checkpoint(network, dataset)).values()
    assert "margin" in values
    assert not any(name.endswith("_clean") for name in values)


def test_neurons_of_low_ipr_vote_for_the_wrong_labels():
    """Coexistence: it learned the rule, and the wrong labels as well."""
    config = tiny_config(
        task={"p": 47},
        data={"fraction": 0.65, "corruption": 0.2},
        model={"width": 200},
        steps=500,
    )
    run = train(config)
    assert run.measurement().scores["test"].accuracy > 0.9
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotBimodalWarning)
        values = MEASURES["memory"](run).values()
    assert values["ipr_correlation"] < -0.8 < 0.8 < values["ipr_correlation_clean"]
    assert values["margin_high_ipr"] < 0 < values["margin_low_ipr"]
    assert abs(values["ipr_correlation_untrained"]) < 0.4  # 5.6 standard errors of 200 neurons


# --- what is refused ---------------------------------------------------------------------------


class Cut(nn.Module):
    """Its logits are no sum over the neurons and have no gradient by them."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Embedded(P, 12, deep=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x).detach()


def refused(subject) -> str:
    with pytest.raises(NotDefined) as caught:
        MEASURES["memory"](subject)
    return str(caught.value)


def test_what_is_refused():
    network, _ = by_hand_network()
    assert refused(Checkpoint(network, make_dataset(network.task, 0.5))) == (
        "measure memory: expected training examples with a wrong label (ξ > 0), got none"
    )
    assert refused(network) == (
        "measure memory: expected a dataset beside the network, which tells wrong labels from "
        "right ones"
    )
    model = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 0}
    assert refused(train(tiny_config(model=model, steps=1))) == (
        "measure memory: an attention-only network has no neurons; see its heads"
    )


def test_logits_without_a_gradient_are_refused():
    task = make_task("x + y", P)
    network = adapt(Cut(), task, "inner.fc1", "tokens")
    assert refused(Checkpoint(network, make_dataset(task, 0.5, 0.5))) == (
        "measure memory: expected logits that are a sum over the neurons or have a gradient by "
        "their activations, got neither"
    )


def test_one_wrong_label_at_the_first_pair_is_one():
    network, _ = by_hand_network()
    clean = make_dataset(network.task, 1.0)
    given = clean.true_label.copy()
    given[0] += 1
    found = MEASURES["memory"](Checkpoint(network, replace(clean, given_label=given)))
    assert found.values()["examples"] == 1
    assert found.values()["cosine_neither"] is None


@pytest.mark.parametrize(("option", "value"), [("draws", 0), ("layer", 1), ("seed", -1)])
def test_options_out_of_range(option, value):
    network, _ = by_hand_network()
    with pytest.raises(ValueError, match=f"^{option}: "):
        MEASURES["memory"](
            Checkpoint(network, make_dataset(network.task, 0.5, 0.5)), **{option: value}
        )


# --- the figure --------------------------------------------------------------------------------


def test_the_figure_orders_examples_and_neurons():
    network, _ = by_hand_network()
    found = MEASURES["memory"](Checkpoint(network, make_dataset(network.task, 0.5, 0.5)))
    figure = drawn(found)
    heat, best, chance, *_ = figure.data
    order = sorted(range(len(found.given)), key=lambda e: (found.pairs[e, 0], found.given[e]))
    columns = np.argsort(found.ipr)
    np.testing.assert_array_equal(heat.z, found.matrix[order][:, columns])
    assert "are drawn" not in figure.layout.title.subtitle.text
    np.testing.assert_allclose(best.y, found.removal.left_best[1:], atol=1e-7)
    np.testing.assert_allclose(chance.y, found.removal.left_random[1:], atol=1e-7)
    assert list(best.x) == [1, 2, 3, 4, 5, 6]
    low = int(found.classes.memorizing.sum())
    assert figure.layout.shapes[0].x0 == low - 0.5


def test_the_figure_leaves_out_rows_evenly():
    task = make_task("x + y", 31)
    network = fresh_network(plain_mlp(task, 20), "paper", 0)
    found = MEASURES["memory"](Checkpoint(network, make_dataset(task, 0.8, 0.8)))
    count = len(found.given)
    assert count > 400
    figure = drawn(found)
    heat = figure.data[0]
    assert heat.z.shape == (400, 20)
    words = figure.layout.title.subtitle.text.replace("<br>", " ")
    assert f"400 of {count} wrong examples are drawn, evenly" in words
    firsts = [int(one) for one in figure.layout.yaxis.ticktext]
    assert (firsts[0], firsts[-1]) == (found.pairs[:, 0].min(), found.pairs[:, 0].max())
    assert firsts == sorted(firsts)


def test_the_figure_is_of_votes_alone():
    message = "^expected votes for wrong labels, such as .*, got int 3$"
    with pytest.raises(TypeError, match=message):
        drawn(3)


def test_votes_do_not_change_the_network():
    network, _ = by_hand_network()
    before = {name: one.clone() for name, one in network.state_dict().items()}
    votes(network, np.array([[0, 1]]), np.array([1]), np.array([2]), 0)
    for name, one in network.state_dict().items():
        torch.testing.assert_close(one, before[name], rtol=0, atol=0)
