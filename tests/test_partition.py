"""The partition by rankings, against networks that are pruned neuron by neuron and run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from interp.analysis.ablation.halves import CHOOSING, CLEAN, CORRUPTED, TELLING, halved
from interp.analysis.ablation.prune import prune
from interp.analysis.measure import NotDefined
from interp.analysis.mechanism.partition import TwoNetworks, partition
from interp.analysis.neurons.read import neuron_table
from interp.exchange.of_networks import network_run
from interp.figures.by_ranking import partition as drawn
from interp.training.data.dataset import make_dataset
from interp.training.models.adapt import adapt
from interp.training.models.analytic import analytic_network
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.subject import as_checkpoint
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.own_modules import small

NETWORKS = {
    "MLP": {"width": 16},
    "a norm": {"width": 16, "norm": "batch"},
    "ReLU, three layers": {"width": 16, "depth": 3},
}


@pytest.fixture(scope="module", params=NETWORKS)
def run(request):
    return train(tiny_config(model=NETWORKS[request.param], steps=80))


def right(network, kept, dataset, part) -> tuple[float, float, float]:
    """Accuracy on the half that chooses, the half that tells, and on corrupted labels."""
    with torch.no_grad():
        logits = prune(network, kept)(torch.as_tensor(dataset.pairs)).numpy()
    top = np.sort(logits, axis=1)
    answer = np.where(top[:, -1] > top[:, -2], logits.argmax(axis=1), -1)
    of_truth, of_given = answer == dataset.true_label, answer == dataset.given_label
    test = ~dataset.is_train
    return (
        of_truth[test & (part == CHOOSING)].mean(),
        of_truth[test & (part == TELLING)].mean(),
        of_given[dataset.is_redrawn & dataset.is_train].mean(),
    )


def by_hand(network, order, dataset, part, level, grid) -> dict[str, float]:
    """γ_G and γ_R of neurons in rising order, one network a number of neurons."""
    count = len(order)
    numbers = [k for k in range(1, count + 1) if k % grid == 0 or k == count]
    top = {k: right(network, order[count - k :], dataset, part) for k in numbers}
    bottom = {k: right(network, order[:k], dataset, part) for k in numbers}
    best = max(top[k][0] for k in numbers)
    g = min(k for k in numbers if top[k][0] == best)
    r = min(k for k in numbers if bottom[k][2] >= level * bottom[count][2])
    return {
        "gamma_G": g / count,
        "gamma_R": r / count,
        "top.test_accuracy": top[g][1],
        "top.corrupted_accuracy": top[g][2],
        "bottom.test_accuracy": bottom[r][1],
        "bottom.corrupted_accuracy": bottom[r][2],
    }


def test_by_networks_that_are_pruned(run):
    found = partition(run, level=0.8, grid=3, draws=4, seed=5)
    values, table = found.values(), neuron_table(run)
    part = halved(as_checkpoint(run).evaluation, 5)
    network = as_checkpoint(run).network
    for name, value in (("IPR", table.ipr), ("weight norm", table.norm)):
        order = np.argsort(value, kind="stable")
        for key, expected in by_hand(network, order, run.dataset, part, 0.8, 3).items():
            assert values[f"{name}.{key}"] == pytest.approx(expected, abs=1e-12), (name, key)
    random = stream(5, "control")
    drawn = [by_hand(network, random.permutation(16), run.dataset, part, 0.8, 3) for _ in range(4)]
    for key in drawn[0]:
        mean = np.mean([one[key] for one in drawn])
        assert values[f"random.{key}"] == pytest.approx(mean, abs=1e-12), key
    _, test, corrupted = right(network, np.arange(16), run.dataset, part)
    assert values["before.test_accuracy"] == pytest.approx(test)
    assert values["before.corrupted_accuracy"] == pytest.approx(corrupted)


def test_rows_and_their_order(run):
    found = partition(run, grid=4)
    names = ["IPR", "weight norm", "invariant norm", "answer IPR", "strength", "random"]
    assert list(found.rows) == names
    assert found.to_pandas()["ranking"].tolist() == names
    table = neuron_table(run)
    expected = spearmanr(table.ipr, table.norm).statistic
    assert found.rows["weight norm"].spearman == pytest.approx(expected)
    assert found.rows["IPR"].spearman == pytest.approx(1)
    assert found.rows["random"].spearman is None
    draws = 10 if as_checkpoint(run).network.readout(0) is not None else 3
    assert found.note.endswith(f"{draws} random orders, seed 0 · numbers of neurons in steps of 4")


def test_the_halves_are_of_the_test_pairs_alone(tiny_run):
    evaluation, dataset = as_checkpoint(tiny_run).evaluation, tiny_run.dataset
    part = halved(evaluation, 0)
    test = int((~dataset.is_train).sum())
    assert np.array_equal(np.isin(part, [CHOOSING, TELLING]), ~dataset.is_train)
    assert np.array_equal(part == CORRUPTED, dataset.members("corrupted"))
    assert np.array_equal(part == CLEAN, dataset.members("clean"))
    assert ((part == CHOOSING).sum(), (part == TELLING).sum()) == (test // 2, test - test // 2)
    assert not np.array_equal(part, halved(evaluation, 1))


@pytest.mark.parametrize(
    ("g", "r", "disjoint"), [(0.2, 0.5, True), (0.3, 0.7, True), (0.1 + 0.2, 0.7, True)]
)
def test_disjoint_is_a_sum_of_at_most_one(g, r, disjoint):
    assert TwoNetworks(g, r, 1, 0, 0, 1).disjoint is disjoint
    assert TwoNetworks(g, r + 0.01, 1, 0, 0, 1).disjoint is (g + r < 0.99)


def test_no_bottom_network_of_one_that_gives_no_corrupted_label():
    """An analytic network is right everywhere, and so against every wrong label."""
    network = analytic_network(make_task("x + y", 11), 60)
    dataset = make_dataset(network.task, 0.6, 0.3, kind="wrong")
    found = partition(Checkpoint(network, dataset), draws=2)
    assert found.corrupted == 0
    for row in found.rows.values():
        assert (row.gamma_r, row.total, row.disjoint) == (None, None, None)
        assert (row.bottom_test, row.bottom_corrupted) == (None, None)
    assert found.plot().data


def test_no_strength_where_the_activation_is_not_known(adapted_run):
    found = partition(adapted_run, grid=4)
    assert list(found.rows) == ["IPR", "weight norm", "invariant norm", "answer IPR", "random"]
    assert "no strength, as φ is not known" in found.note


@pytest.fixture()
def adapted_run():
    dataset = train(tiny_config(steps=1)).dataset
    return network_run({1: adapt(small(), make_task("x + y", 11), "fc1", "tokens")}, dataset)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"fraction": 1.0, "corruption": 0.3}, "expected test examples for two halves (α < 1), go"),
        ({"fraction": 0.6, "corruption": 0.0}, "expected corrupted examples (ξ > 0), got none"),
    ],
)
def test_without_the_examples(data, message):
    run = train(tiny_config(data=data, steps=1))
    with pytest.raises(NotDefined) as caught:
        partition(run)
    assert str(caught.value).startswith(f"measure partition: {message}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 0}, "level: expected an accuracy above 0, at most 1, got 0"),
        ({"grid": 0}, "grid: expected a whole number of at least 1, got 0"),
        ({"draws": 0}, "draws: expected a whole number of at least 1, got 0"),
    ],
)
def test_options_out_of_range(tiny_run, options, message):
    with pytest.raises(ValueError) as caught:
        partition(tiny_run, **options)
    assert str(caught.value).startswith(message)


def test_the_figure_has_a_dot_a_ranking(tiny_run):
    found = partition(tiny_run, grid=4)
    traces = {trace.name: trace for trace in drawn(found).data}
    values = found.values()
    for name, key in (("γ<sub>G</sub>, top", "gamma_G"), ("test, bottom", "bottom.test_accuracy")):
        assert list(traces[name].y) == list(found.rows)
        assert list(traces[name].x) == [values[f"{ranking}.{key}"] for ranking in found.rows]
    with pytest.raises(TypeError, match="expected a partition, such as interp"):
        drawn(3)
