"""Frequency filtration against numpy's transforms, and against networks that learned nothing."""

from __future__ import annotations

import re
from dataclasses import replace

import jaxtyping
import numpy as np
import pytest
import torch

from interp.analysis.measures import MEASURES
from interp.analysis.mechanism.blocks import kept, only, powers, random_blocks, strongest
from interp.analysis.mechanism.filtered import filter_of, filtered
from interp.analysis.mechanism.lazy import RIDGE, lazy_network
from interp.analysis.mechanism.left import filter_left
from interp.analysis.mechanism.untrained import untrained
from interp.analysis.mechanism.vote import label_vote, mean_scores, random_labels, vote_logits
from interp.analysis.neurons.classify import two_class_cut
from interp.analysis.neurons.read import neuron_table
from interp.training.data.dataset import Dataset, make_dataset
from interp.training.evaluation import scores
from interp.training.models.adapt import adapt
from interp.training.models.analytic import analytic_network
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks.groups import GROUPS, fourier_basis
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import plain_mlp, tiny_config
from tests.own_modules import small


def refused(message: str):
    return pytest.raises(ValueError, match=re.escape(message))


def weights(network) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U, V and Wᵀ of a two-layer network in float64."""
    state = {name: one.double().numpy() for name, one in network.state_dict().items()}
    p = network.task.p
    return (
        state["blocks.0.mlp.W_in"][:p].T,
        state["blocks.0.mlp.W_in"][p:].T,
        state["unembed.W_U"],
    )


def at_frequency(curve: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Each row's part at its own frequency, by numpy's transform."""
    spectrum = np.fft.rfft(curve, axis=1)
    mask = np.arange(spectrum.shape[1])[None] == frequency[:, None]
    return np.fft.irfft(spectrum * mask, n=curve.shape[1], axis=1)


def strongest_of(curve: np.ndarray, place: int = 0) -> np.ndarray:
    """The frequency with the most power in each row, or the next ones."""
    power = np.abs(np.fft.rfft(curve, axis=1)[:, 1:])
    return 1 + np.argsort(-power, axis=1)[:, place]


@pytest.fixture(scope="module")
def network(tiny_run):
    return tiny_run.checkpoint().network


@pytest.fixture(scope="module")
def transformer():
    return train(tiny_config(model={"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 6}))


# --- which blocks, and what is left ------------------------------------------------------------


def test_the_g_net_keeps_the_answer_curves_frequency(network):
    u, v, w = weights(network)
    frequency = strongest_of(w)
    for found, curve in zip(weights(filtered(network)), (u, v, w), strict=True):
        np.testing.assert_allclose(found, at_frequency(curve, frequency), atol=1e-6)


def test_g_and_r_are_the_weights(network):
    parts = zip(weights(filtered(network)), weights(filtered(network, "R")), strict=True)
    for (g, r), whole in zip(parts, weights(network), strict=True):
        np.testing.assert_allclose(g + r, whole, atol=1e-6)


def test_the_network_itself_is_left_alone(network):
    before = [one.copy() for one in weights(network)]
    filtered(network)
    for old, new in zip(before, weights(network), strict=True):
        np.testing.assert_array_equal(old, new)


def test_each_curves_own_frequency(network):
    for found, curve in zip(weights(filtered(network, by="own")), weights(network), strict=True):
        np.testing.assert_allclose(found, at_frequency(curve, strongest_of(curve)), atol=1e-6)


def test_the_second_frequency(network):
    *_, w = weights(network)
    *_, found = weights(filtered(network, by="second"))
    np.testing.assert_allclose(found, at_frequency(w, strongest_of(w, 1)), atol=1e-6)


def test_the_joint_frequency(network):
    shares = 0
    for curve in weights(network):
        power = np.abs(np.fft.rfft(curve, axis=1)) ** 2
        power[:, 0] /= 2  # the constant is half of a frequency: cosine without a sine
        shares = shares + power / power.sum(axis=1, keepdims=True)
    frequency = 1 + shares[:, 1:].argmax(axis=1)
    for found, curve in zip(weights(filtered(network, by="joint")), weights(network), strict=True):
        np.testing.assert_allclose(found, at_frequency(curve, frequency), atol=1e-6)


def test_several_blocks_and_all_of_them(network):
    _, _, w = weights(network)
    _, _, found = weights(filtered(network, keep=2))
    first, second = (at_frequency(w, strongest_of(w, place)) for place in (0, 1))
    np.testing.assert_allclose(found, first + second, atol=1e-6)
    _, _, every = weights(filtered(network, keep=5))
    np.testing.assert_allclose(every, w - w.mean(axis=1, keepdims=True), atol=1e-6)


def test_permuted_blocks_are_the_same_blocks_of_other_neurons(network):
    chosen = filter_of(network).choose("permuted", seed=3)
    own = filter_of(network).choose("answer")
    assert sorted(chosen[0].argmax(axis=1)) == sorted(own[0].argmax(axis=1))
    assert (chosen != own).any()
    np.testing.assert_array_equal(chosen, filter_of(network).choose("permuted", seed=3))


def test_random_blocks_come_as_often_as_they_have_functions():
    """Blocks of 2, 2, 2 and 1 functions: 2/7 of the draws each, and 1/7."""
    drawn = random_blocks(20_000, 1, fourier_basis(8), np.random.default_rng(0))[:, 0]
    shares = np.bincount(drawn, minlength=5) / len(drawn)
    np.testing.assert_allclose(shares, [0, 2 / 7, 2 / 7, 2 / 7, 1 / 7], atol=0.015)
    several = random_blocks(50, 3, fourier_basis(8), np.random.default_rng(0))
    assert all(len(set(row)) == 3 for row in several)


def test_blocks_of_the_multiplicative_group_leave_zero_alone():
    """χ(g^i) = cos(2πi/10) is one block; the residue 0 is no element and keeps its value."""
    order = GROUPS["multiplicative"].elements(11)
    curve = np.zeros((1, 11))
    curve[0, order] = np.cos(2 * np.pi * np.arange(10) / 10) + 0.5 * np.cos(
        2 * np.pi * 3 * np.arange(10) / 10
    )
    curve[0, 0] = 7
    power = powers(curve, "multiplicative")
    np.testing.assert_allclose(power[0, [1, 3]], [5, 1.25])
    found = kept(curve, "multiplicative", only(strongest(power), power.shape[1]))
    np.testing.assert_allclose(found[0, order], np.cos(2 * np.pi * np.arange(10) / 10), atol=1e-12)
    assert found[0, 0] == 7


def test_pure_cosines_are_their_own_g_net():
    network = analytic_network(make_task("x + y", 11), width=40)
    pairs = torch.as_tensor(network.task.pairs)
    torch.testing.assert_close(filtered(network)(pairs), network(pairs), atol=1e-10, rtol=0)
    torch.testing.assert_close(
        filtered(network, "R")(pairs), torch.zeros(121, 11).double(), atol=1e-10, rtol=0
    )


def test_the_last_matrix_of_a_transformer(transformer):
    network = transformer.checkpoint().network
    rows = network.state_dict()["unembed.W_U"].double().numpy()
    power = (np.abs(np.fft.rfft(rows, axis=1)[:, 1:]) ** 2).sum(axis=0)
    best = 1 + np.argsort(-power)[:2]  # 20 of 56 are 2 of 5
    expected = sum(at_frequency(rows, np.full(len(rows), k)) for k in best)
    found = filtered(network).state_dict()["unembed.W_U"].double().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert MEASURES["filtration"](transformer).kept == (2, 5)


# --- what cannot be filtered -------------------------------------------------------------------


def test_what_cannot_be_filtered(transformer):
    own = adapt(small(), make_task("x + y", 11), "fc1", "tokens")
    with refused("expected an MLP or a Transformer, whose curves are weights; got an adapted mod"):
        filtered(own)
    tied = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 6, "tied": True}
    run = train(tiny_config(model=tied, steps=1))
    with refused("filtration: expected an unembedding of its own, got one that is tied to the emb"):
        MEASURES["filtration"](run)
    with refused(
        "by: expected answer, second or random for a last matrix, which keeps the same blocks for "
        "all that it reads; got 'own'"
    ):
        filtered(transformer, by="own")


def test_another_number_of_answers():
    task = make_task(np.arange(121).reshape(11, 11) % 3)
    with refused("expected as many answers as operands, got 3 answers to 11 operands"):
        filtered(plain_mlp(task, 8))


def test_words_and_numbers_that_are_none(network, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with refused("keep: expected at most 5, got 6"):
        filtered(network, keep=6)
    with refused("part: expected G or R, got 'g'"):
        filtered(network, "g")


# --- networks that learned nothing --------------------------------------------------------------


@pytest.fixture(scope="module")
def half() -> Dataset:
    return make_dataset(make_task("x + y", 23), 0.6, 0.3)


def test_the_lazy_network_is_a_ridge_regression_on_frozen_features(half):
    shape = train(tiny_config(task={"p": 23}, model={"width": 60}, steps=1)).checkpoint().network
    lazy = lazy_network(shape, half, seed=4)
    u, v, w = weights(lazy)
    first, second, _ = weights(untrained(shape, seed=4))
    np.testing.assert_array_equal(u, first)
    np.testing.assert_array_equal(v, second)
    a, b = half.pairs[half.is_train].T
    features = (u[:, a] + v[:, b]).T ** 2
    labels = np.eye(23)[half.given_label[half.is_train]]
    # The gradient of ‖Φ W − Y‖² + λ ‖W‖² vanishes.
    strength = RIDGE * np.trace(features.T @ features) / 60
    gradient = features.T @ (features @ w - labels) + strength * w
    np.testing.assert_allclose(gradient, 0, atol=1e-8)


def test_the_lazy_transformer_fits_its_labels(transformer):
    """18 features are fitted to 73 labels: better than the untrained network, by least squares."""
    network, data = transformer.checkpoint().network, transformer.dataset
    lazy = scores(lazy_network(network, data), data)["train"].loss
    assert lazy < scores(untrained(network), data)["train"].loss
    assert lazy < scores(network, data)["train"].loss or lazy < 1 / 11


def test_a_network_without_a_last_matrix_has_no_lazy_one(half):
    own = adapt(small(), make_task("x + y", 11), "fc1", "tokens")
    with refused("lazy network: not defined for a network of class Adapted"):
        lazy_network(own, half)


def test_a_vote_over_labels_by_hand():
    """x + y mod 3 with every pair in training: the labels of each answer, counted."""
    task = make_task("x + y", 3)
    given = np.array([0, 1, 2, 1, 2, 1, 2, 0, 1])
    data = Dataset(task, task.pairs, task.answers, given, np.ones(9, bool), given != task.answers)
    # Answers: 0 1 2 / 1 2 0 / 2 0 1, so answer 0 has the labels 0, 1, 0, and so on.
    logits = vote_logits(data)
    np.testing.assert_allclose(logits[0], [2 / 3, 1 / 3, 0])
    np.testing.assert_allclose(logits[1], [0, 1, 0])
    np.testing.assert_allclose(logits[5], [2 / 3, 1 / 3, 0])
    found = label_vote(Checkpoint(analytic_network(task, 4), data))
    assert found["clean"].accuracy == 1
    assert found["train"].accuracy == 8 / 9
    assert found["train"].loss is None


def test_random_labels_are_uniform(half):
    drawn = np.concatenate([random_labels(half, seed) for seed in range(40)])
    shares = np.bincount(drawn, minlength=23) / len(drawn)
    np.testing.assert_allclose(shares, 1 / 23, atol=0.006)


def test_filtering_a_lazy_network_recovers_the_rule():
    """The null that overturns the reading: nothing was learned, and the G-net knows the answers."""
    data = make_dataset(make_task("x + y", 53), 0.6, 0.3)
    shape = train(tiny_config(task={"p": 53}, model={"width": 400}, steps=1)).checkpoint(0).network
    found = MEASURES["filtration"](Checkpoint(shape, data), draws=1, strength=False).values()
    assert found["lazy.test_accuracy"] < 0.2
    assert found["lazy_g.test_accuracy"] > 0.9
    assert found["random_labels_g.test_accuracy"] < 0.2
    assert found["g.test_accuracy"] < 0.2  # of the untrained network


# --- the measure -------------------------------------------------------------------------------


def test_scores_are_those_of_the_networks(tiny_run):
    found = MEASURES["filtration"](tiny_run, draws=3)
    whole = tiny_run.checkpoint()
    for name, network in (("g", filtered(tiny_run)), ("r", filtered(tiny_run, "R"))):
        assert (
            found.scores[name]["test"].accuracy == scores(network, whole.dataset)["test"].accuracy
        )
    draws = [
        scores(filtered(tiny_run, by="random", seed=s), whole.dataset)["train"].loss
        for s in range(3)
    ]
    assert found.values()["random.train_loss"] == pytest.approx(np.mean(draws), rel=1e-5)
    assert found.values()["kept"] == 1
    assert found.values()["blocks"] == 5
    for name, network in (("g", found.g), ("r", found.r)):
        assert scores(network, whole.dataset)["all"].loss == pytest.approx(
            found.values()[f"{name}.all_loss"], rel=1e-5
        )


def test_one_class_of_neurons_is_filtered(tiny_run):
    table = neuron_table(tiny_run)
    low = table.ipr < two_class_cut(table.ipr)
    g, whole = filtered(tiny_run), tiny_run.checkpoint().network
    mixed = [np.where(low[:, None], a, b) for a, b in zip(weights(g), weights(whole), strict=True)]
    network = untrained(whole)
    network.set_curves(mixed)
    expected = scores(network, tiny_run.dataset)["all"].loss
    found = MEASURES["filtration"](tiny_run, strength=False).values()
    assert found["g_low_ipr.all_loss"] == pytest.approx(expected, rel=1e-5)


def test_the_strength_of_the_filter(tiny_run):
    found = MEASURES["filtration"](tiny_run)
    assert list(found.strength) == [1, 2, 4, 5]
    assert found.strength[1]["g"] == found.scores["g"]
    # With all blocks kept there is nothing random, and only the constant is left over.
    last = found.strength[5]
    assert last["random"]["all"].loss == pytest.approx(last["g"]["all"].loss, rel=1e-6)
    told = found.to_dict()["strength"]["5"]["r"]["test"]
    assert told["loss"] == last["r"]["test"].loss


def test_controls_are_marked_in_the_table(tiny_run):
    frame = MEASURES["filtration"](tiny_run).to_pandas()
    assert set(frame.index[frame["control"]]) == {
        *("permuted", "random", "lazy", "lazy_g", "random_labels_g", "vote")
    }
    assert frame.loc["vote", "what"] == "label vote"


def test_the_mean_of_scores(tiny_run):
    one = tiny_run.checkpoint().scores
    other = replace(one, by_split={s: replace(v, accuracy=0.5, loss=None) for s, v in one.items()})
    found = mean_scores([one, other])
    assert found["test"].accuracy == (one["test"].accuracy + 0.5) / 2
    assert found["test"].loss is None


# --- what is left, as a run --------------------------------------------------------------------


def test_what_a_filter_leaves_beside_a_lazy_network(tiny_run):
    found = filter_left(tiny_run, "R", keep=2)
    expected = scores(filtered(tiny_run, "R", keep=2), tiny_run.dataset)
    assert found.scores["left"]["all"].loss == pytest.approx(expected["all"].loss, rel=1e-5)
    assert found.kept == (2, 5)
    assert [which for which in found.scores if found.is_control(which)] == ["lazy", "vote"]
    assert found.caption.startswith("R-net by answer · 2 of 5 blocks taken away")


def test_the_caption_tells_how_many_draws_each_mean_is_of(tiny_run):
    found = MEASURES["filtration"](tiny_run, draws=2, lazy_draws=1, strength=False)
    assert found.note == (
        "lazy: frozen random features, ridge read-out, mean of 1 draws · random and other blocks: "
        "mean of 2 draws"
    )
    data, network = tiny_run.dataset, tiny_run.checkpoint().network
    draws = [scores(lazy_network(network, data, seed), data)["all"].loss for seed in range(3)]
    assert MEASURES["filtration"](tiny_run, strength=False).values()[
        "lazy.all_loss"
    ] == pytest.approx(np.mean(draws), rel=1e-4)
