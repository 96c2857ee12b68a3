"""Decoders by brute force, hook points by hand, and what networks that are known tell."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

import interp
from interp.analysis.measure import NotDefined
from interp.analysis.measures import MEASURES
from interp.analysis.memorization.decode import METHODS
from interp.analysis.memorization.hook_points import activations, one_hot
from interp.analysis.memorization.knn import majority, nearest
from interp.analysis.memorization.masc import masc, subspace
from interp.analysis.memorization.probe import probe
from interp.figures.layers import layers as drawn
from interp.training.data.dataset import make_dataset
from interp.training.models.adapt import adapt
from interp.training.models.analytic import analytic_network
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.subject import as_checkpoint
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.benchmarks.detection import config
from tests.conftest import tiny_config
from tests.own_modules import small

TRANSFORMER = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12}
LABELS = ("given", "true")


def clouds(width: int = 6, count: int = 60, seed: int = 0):
    """Features of three classes along directions of their own, and noise."""
    random = np.random.default_rng(seed)
    labels = random.integers(3, size=count) * 2  # 0, 2 and 4: not every number is a class
    axes = random.normal(size=(5, width))
    features = axes[labels] * random.normal(size=(count, 1)) + 0.6 * random.normal(
        size=(count, width)
    )
    return features, labels


# --- MASC ---------------------------------------------------------------------------------------


def masc_by_hand(train, labels, test, variance):
    """The class with the least angle, by numpy's SVD and a least-squares projection."""
    found = []
    for row in test:
        angles = {}
        for one in sorted(set(labels.tolist())):
            _, sizes, directions = np.linalg.svd(train[labels == one])
            share, size = 0.0, 0
            while share < variance - 1e-9 and size < len(sizes):
                share += sizes[size] ** 2 / (sizes**2).sum()
                size += 1
            basis = directions[:size].T
            inside = basis @ np.linalg.lstsq(basis, row, rcond=None)[0]
            angles[one] = np.arccos(
                np.clip(row @ inside / np.linalg.norm(row) / np.linalg.norm(inside), -1, 1)
            )
        found.append(min(angles, key=angles.__getitem__))
    return np.array(found)


@pytest.mark.parametrize("width", [6, 40])  # more examples than features, and fewer
@pytest.mark.parametrize("variance", [0.3, 0.6, 0.9])
def test_masc_is_the_least_angle(width, variance):
    features, labels = clouds(width)
    train, test = features[:40], features[40:]
    expected = masc_by_hand(train, labels[:40], test, variance)
    assert np.array_equal(masc(train, labels[:40], test, variance), expected)
    assert 0 < (expected == labels[40:]).mean() < 1  # some fall on either side


def test_masc_reads_no_length_and_no_sign():
    features, labels = clouds()
    sizes = np.random.default_rng(1).normal(size=(20, 1)) * np.logspace(-60, 60, 20)[:, None]
    plain = masc(features[:40], labels[:40], features[40:])
    assert np.array_equal(masc(features[:40], labels[:40], sizes * features[40:]), plain)


def test_a_vector_of_zeros_lies_nowhere():
    features, labels = clouds()
    assert masc(features, labels, np.zeros((2, 6))).tolist() == [-1, -1]
    assert masc(np.zeros((3, 6)), np.arange(3), features).tolist() == [-1] * 60


@pytest.mark.parametrize("count", [4, 30])
def test_a_subspace_holds_the_share_with_as_few_directions_as_can_be(count):
    rows = np.random.default_rng(0).normal(size=(count, 8)) * np.arange(1, 9)
    sizes = np.linalg.svd(rows, compute_uv=False)
    for variance in (0, 0.5, 0.9, 1):
        basis = subspace(rows, variance)
        size = basis.shape[1]
        np.testing.assert_allclose(basis.T @ basis, np.eye(size), atol=1e-9)
        held = ((rows @ basis) ** 2).sum() / (rows**2).sum()
        assert held >= variance - 1e-9
        assert held == pytest.approx((sizes[:size] ** 2).sum() / (sizes**2).sum())
        assert size == 1 or (sizes[: size - 1] ** 2).sum() / (sizes**2).sum() < variance


def test_a_subspace_has_no_direction_of_rounding():
    rows = np.outer(np.arange(1.0, 6), np.arange(1.0, 9))
    assert subspace(rows, 1.0).shape == (8, 1)


# --- neighbours and the probe -------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 4, 5, 100])
def test_neighbours_by_sorting_angles(count):
    features, labels = clouds()
    train, test = features[:40], features[40:]
    near = nearest(train, test, count)
    for row, found in zip(test, near, strict=True):
        cosines = [float(row @ one / np.linalg.norm(row) / np.linalg.norm(one)) for one in train]
        order = sorted(range(40), key=lambda number: -cosines[number])
        assert found.tolist() == order[:count]
    for found, answer in zip(labels[near], majority(labels[near]), strict=True):
        votes = Counter(found.tolist())
        most = [label for label in found.tolist() if votes[label] == max(votes.values())]
        assert answer == most[0]


def test_of_several_majorities_the_nearest_wins():
    rows = np.array([[3, 1, 1, 3, 2], [4, 1, 1, 2, 2], [5, 6, 7, 8, 9]])
    assert majority(rows).tolist() == [3, 1, 5]


def test_the_probe_is_least_squares():
    """Of [features, 1] with √λ rows below, which leave the bias free."""
    features, labels = clouds()
    train, test, ridge = features[:40], features[40:], 0.1
    centred = train - train.mean(axis=0)
    weight = np.sqrt(ridge * (centred**2).sum() / 6)
    design = np.vstack([np.c_[train, np.ones(40)], weight * np.eye(7)[:6]])
    target = np.vstack([np.eye(5)[labels[:40]], np.zeros((6, 5))])
    solution = np.linalg.lstsq(design, target, rcond=None)[0]
    expected = (np.c_[test, np.ones(20)] @ solution).argmax(axis=1)
    mixed = np.roll(labels[:40], 1)
    found = probe(train, [labels[:40], mixed], test, ridge)
    assert np.array_equal(found[0], expected)
    assert not np.array_equal(found[0], found[1])
    assert np.array_equal(found[1], probe(train, [mixed], test, ridge)[0])


def test_a_probe_of_features_that_do_not_vary_says_the_most_frequent_label():
    labels = np.array([0, 2, 2, 1])
    assert probe(np.ones((4, 3)), [labels], np.ones((2, 3)), 0.1)[0].tolist() == [2, 2]


# --- hook points --------------------------------------------------------------------------------

POINTS = {
    "MLP": ({"width": 16}, ["pre.0", "post.0", "logits"]),
    "three layers": (
        {"width": 16, "depth": 3},
        ["pre.0", "post.0", "pre.1", "post.1", "logits"],
    ),
    "Transformer": (
        TRANSFORMER,
        [
            *("embed", "attn_out.0", "resid_mid.0", "pre.0", "post.0", "mlp_out.0"),
            *("resid_post.0", "logits"),
        ],
    ),
    # The last position is "=", whose embedding is the same for all pairs.
    "equals": (
        {**TRANSFORMER, "equals_token": True, "d_mlp": 0},
        ["attn_out.0", "resid_mid.0", "resid_post.0", "logits"],
    ),
}


@pytest.mark.parametrize("name", POINTS)
def test_hook_points(name):
    model, names = POINTS[name]
    checkpoint = as_checkpoint(train(tiny_config(model=model)))
    network, pairs = checkpoint.exact, checkpoint.scored_on.pairs
    found = activations(network, pairs)
    assert list(found) == names
    _, cache = network.run_with_cache(torch.as_tensor(pairs))
    for point, rows in found.items():
        if point == "logits":
            expected = network(torch.as_tensor(pairs)).detach()
        else:
            word, _, layer = point.partition(".")
            inner = "mlp." if word in ("pre", "post") else ""
            at = f"hook_{word}" if not layer else f"blocks.{layer}.{inner}hook_{word}"
            expected = cache[at] if cache[at].ndim == 2 else cache[at][:, -1]
        np.testing.assert_array_equal(rows, expected.numpy())


def test_hook_points_of_a_module():
    network = adapt(small(), make_task("x + y", 11), "fc1", "tokens")
    assert list(activations(network, network.task.pairs)) == ["pre.0", "post.0", "logits"]
    post, _ = network.tail(torch.as_tensor(network.task.pairs), 0)
    rows = activations(network, network.task.pairs)["post.0"]
    np.testing.assert_array_equal(rows, post.reshape(121, -1).detach().numpy())


def test_operands_one_hot():
    rows = one_hot(np.array([[2, 0]]), 3)
    assert rows.tolist() == [[0, 0, 1, 1, 0, 0]]


# --- the measure --------------------------------------------------------------------------------


def table_of(result):
    return {(one.where, one.method): one for one in result.rows}


@pytest.mark.parametrize("operation", ["x + y", "x - y"])
def test_the_constructed_network_and_why_chance_is_not_one_over_p(operation):
    """Its logits tell every answer. Of the operands no neighbour has the answer of a held-out pair:

    the nearest share an operand, so they have other answers; nor has a class any direction that
    is near, as the one-hot vectors of its pairs are orthogonal to each other.
    """
    task = make_task(operation, 23)
    dataset = make_dataset(task, 0.7)
    found = table_of(MEASURES["layers"](Checkpoint(analytic_network(task, 400), dataset)))
    for method in METHODS:
        assert found["logits", method].true > 0.98
        assert found["one_hot", method].true == 0
        assert found["one_hot", method].untrained_true is None


def test_given_and_true_labels():
    """Of the constructed network with all answers renamed: the names are told, not the truth."""
    task = make_task("x + y", 23)
    dataset = make_dataset(task, 0.7, 1.0, "blocks", block=23)
    names = np.empty(23, dtype=int)
    names[dataset.true_label[dataset.is_train]] = dataset.given_label[dataset.is_train]
    truth = dataset.true_label[~dataset.is_train]
    found = table_of(MEASURES["layers"](Checkpoint(analytic_network(task, 400), dataset)))
    assert found["logits", "knn"].true > 0.98
    assert found["logits", "knn"].given == (names[truth] == truth).mean()


def test_values_and_their_table(tiny_run):
    result = MEASURES["layers"](tiny_run)
    values, scores = result.values(), as_checkpoint(tiny_run).scores
    assert values["test_accuracy"] == scores["test"].accuracy
    assert values["chance"] == 1 / 11
    for key in itertools.product(METHODS, LABELS):
        name = "_".join(key)
        hidden = [values[f"{point}.{name}"] for point in ("pre.0", "post.0")]
        assert values[f"hidden.{name}"] == max(hidden)
        assert values[f"above.{name}"] == max(hidden) - values["test_accuracy"]
    table = result.to_pandas().set_index(["where", "method"])
    assert table.loc[("network", "argmax"), "true"] == values["test_accuracy"]
    assert table.loc[("network", "argmax"), "untrained_true"] == values["test_accuracy_untrained"]
    assert table.loc[("chance", "guess"), "given"] == 1 / 11
    assert table.loc[("post.0", "masc"), "given"] == values["post.0.masc_given"]
    assert len(table) == 4 * 3 + 2


def test_the_control_is_the_network_at_step_0_of_its_seed():
    run = train(tiny_config(seed=3))
    start = MEASURES["layers"](run, 0, seed=3).values()
    pairs = [key for key in start if f"{key}_untrained" in start and not key.startswith("one_hot")]
    assert len(pairs) == 1 + 3 * 6 + 2 * 6
    for key in pairs:
        assert start[key] == start[f"{key}_untrained"], key
    other = MEASURES["layers"](run, 0, seed=4).values()
    assert any(start[f"{key}_untrained"] != other[f"{key}_untrained"] for key in pairs)


def test_options_reach_the_decoders(tiny_run):
    plain = MEASURES["layers"](tiny_run).values()
    changed = {"masc": {"variance": 0.2}, "knn": {"neighbours": 1}, "probe": {"ridge": 10.0}}
    for method, options in changed.items():
        found = MEASURES["layers"](tiny_run, **options)
        moved = {
            key.split(".")[-1].split("_")[0]
            for key, value in found.values().items()
            if value != plain[key]
        }
        assert moved == {method}
    assert (
        "MASC 0.9 of the power, 1 neighbours, ridge 0.001"
        in MEASURES["layers"](tiny_run, neighbours=1).caption
    )


def test_over_checkpoints(tiny_run):
    found = interp.history(tiny_run, "layers", neighbours=3)
    assert list(found.steps) == list(tiny_run.steps)
    alone = MEASURES["layers"](tiny_run, tiny_run.steps[1], neighbours=3).values()
    assert found.rows[1] == pytest.approx(alone)
    assert "hidden.masc_given" in found.main


def test_the_trap_is_told_where_it_is(tiny_run):
    words = "two pairs with one answer never share an operand"
    assert f"fall below chance (0.091): {words}" in MEASURES["layers"](tiny_run).note
    x, y = np.mgrid[:11, :11]
    run = train(tiny_config(task={"table": (x * x + 3 * y) % 5}))
    assert words not in MEASURES["layers"](run).note


def test_a_module_has_no_untrained_one():
    task = make_task("x + y", 11)
    network = adapt(small(), task, "fc1", "tokens")
    result = MEASURES["layers"](Checkpoint(network, make_dataset(task, 0.5)))
    assert result.values()["hidden.masc_true_untrained"] is None
    assert result.values()["above.masc_true_untrained"] is None
    assert "untrained: not known for an adapted module" in result.note
    assert {trace.name for trace in drawn(result).data if trace.showlegend} == {
        *("from given labels", "from true labels", "own accuracy", "chance")
    }


def test_what_is_refused(tiny_run):
    network = tiny_run.checkpoint().network
    everything = make_dataset(tiny_run.dataset.task, 1.0)
    for subject, words in (
        (
            Checkpoint(network),
            "expected a dataset beside the network, which tells held-out pairs from others",
        ),
        (Checkpoint(network, everything), "expected held-out pairs (α < 1), got none"),
    ):
        with pytest.raises(NotDefined) as caught:
            MEASURES["layers"](subject)
        assert str(caught.value) == f"measure layers: {words}"
    for options, words in (
        ({"ridge": 0.0}, "ridge: expected a number above 0, got 0.0"),
        ({"variance": 1.5}, "variance: expected a number between 0 and 1, got 1.5"),
        ({"neighbours": 0}, "neighbours: expected a whole number of at least 1, got 0"),
    ):
        with pytest.raises(ValueError) as wrong:
            MEASURES["layers"](tiny_run, **options)
        assert str(wrong.value) == words


def test_the_figure(tiny_run):
    result = MEASURES["layers"](tiny_run)
    figure = result.plot()
    assert isinstance(figure, go.Figure)
    titles = [note.text for note in figure.layout.annotations]
    assert titles == ["MASC", "nearest neighbours", "linear probe"]
    rows = table_of(result)
    for panel, method in enumerate(METHODS):
        given, true, *_, own, chance = figure.data[6 * panel : 6 * panel + 6]
        assert list(given.y) == ["pre.0", "post.0", "logits", "operands"]
        assert list(given.x) == [one.given for key, one in rows.items() if key[1] == method]
        assert list(true.x) == [one.true for key, one in rows.items() if key[1] == method]
        assert set(own.x) == {result.accuracy}
        assert set(chance.x) == {1 / 11}


def test_what_was_measured_before():
    """An independent prototype, seed 0: the hidden layer tells less than the network answers."""
    values = MEASURES["layers"](train(config(0.65, 0.2, 0, 0))).values()
    expected = {"pre.0": (0, 0), "post.0": (0.53, 0.68), "logits": (0.94, 0.75)}
    for point, pair in expected.items():
        for labels, value in zip(LABELS, pair, strict=True):
            assert values[f"{point}.masc_{labels}"] == pytest.approx(value, abs=0.07)
            assert values[f"{point}.masc_{labels}_untrained"] <= 0.02
    assert values["above.masc_given"] < 0
