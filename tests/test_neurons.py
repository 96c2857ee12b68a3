"""The neuron table and its classes, on networks whose answer was built."""

from __future__ import annotations

import warnings

import numpy as np
import pyarrow.parquet as pq
import pytest

from interp.analysis.neurons.classify import NotBimodalWarning, classify, two_class_cut
from interp.analysis.neurons.read import neuron_table
from interp.analysis.neurons.table import NeuronTable
from interp.training.models.analytic import analytic_network
from interp.training.models.mlp import MLP
from interp.training.tasks.task import make_task
from tests.conftest import plain_mlp
from tests.curves import curves_of

P = 97
ADDITION = make_task("x + y", P)


def mixed_network(built: int = 300, noise: int = 200, dead: int = 0) -> tuple[MLP, np.ndarray]:
    """Analytic neurons, Gaussian ones of the same norm and dead ones, in shuffled order."""
    random = np.random.default_rng(3)
    solution = curves_of(analytic_network(ADDITION, built))
    gaussian = random.normal(size=(3, noise, P))
    gaussian *= np.linalg.norm(solution[0, 0]) / np.linalg.norm(gaussian, axis=-1, keepdims=True)
    curves = np.concatenate([solution, gaussian, np.zeros((3, dead, P))], axis=1)
    kind = np.repeat([0, 1, 2], [built, noise, dead])
    order = random.permutation(len(kind))
    network = plain_mlp(ADDITION, len(kind)).double()
    network.set_curves(curves[:, order])
    return network, kind[order]


@pytest.mark.parametrize("operation", ["x + y", "x - y", "x * y", "x / y"])
def test_analytic_neurons_have_ipr_one(operation):
    table = neuron_table(analytic_network(make_task(operation, P), 500))
    np.testing.assert_allclose(table.ipr, 1, atol=1e-6)
    np.testing.assert_allclose(table.phase_error, 0, atol=1e-6)
    assert (table.frequencies == table.frequency).all()
    assert not table.dead.any()


def test_multiplication_is_sparse_only_in_its_own_characters():
    network = analytic_network(make_task("x * y", P), 500)
    cyclic = neuron_table(network, group="cyclic")
    assert cyclic.ipr.max() < 0.3
    assert np.median(cyclic.ipr) < 0.06, "about the IPR of noise"


def test_frequencies_and_phases_are_those_that_were_built():
    i = np.arange(P)
    phases, frequency, constant = (0.5, -2.0, 2.5), 9, 0.25
    curves = np.stack([np.cos(2 * np.pi * frequency * i / P + phase) for phase in phases])
    curves[0] += constant
    table = NeuronTable(ADDITION, curves[:, None, :], "cyclic")
    assert table.frequency.tolist() == [frequency]
    np.testing.assert_allclose(table.phases[:, 0], phases)
    # a + b − c = 0.5 − 2.0 − 2.5 = −4, wrapped into [−π, π).
    np.testing.assert_allclose(table.phase_error, [-4 + 2 * np.pi])
    # One-sided power: (p c)² in the constant and (p/2)² in the wave, for U alone.
    share = constant**2 / (constant**2 + 0.25)
    np.testing.assert_allclose(table.constant_share, [share / 3])
    np.testing.assert_allclose(table.zero_share, [np.mean(curves[:, 0] ** 2 / (curves**2).sum(1))])


def test_ipr_is_the_mean_over_the_three_curves():
    network, _ = mixed_network()
    table = neuron_table(network)
    u, v, w = curves_of(network)
    for neuron in (0, 17, 499):
        power = [np.abs(np.fft.rfft(c[neuron])) ** 2 for c in (u, v, w)]
        expected = np.mean([(x**2).sum() / x.sum() ** 2 for x in power])
        assert table.ipr[neuron] == pytest.approx(expected, rel=1e-12)


def test_dead_neurons_are_a_class_of_their_own():
    network, kind = mixed_network(dead=25)
    table = neuron_table(network)
    classes = classify(table)
    assert np.array_equal(table.dead, kind == 2)
    assert np.array_equal(classes.dead, kind == 2)
    assert np.array_equal(classes.memorizing, kind == 1)
    assert np.array_equal(classes.generalizing, kind == 0)
    assert classes.names[int(np.flatnonzero(kind == 2)[0])] == "dead"
    frame = table.to_pandas()
    assert frame["ipr"].isna().sum() == 25
    assert frame["norm"].notna().all()
    assert table.mean_ipr == pytest.approx(table.ipr[kind != 2].mean())


def test_a_neuron_with_one_operand_lives():
    curves = np.ones((3, 3, 5)) * np.cos(np.arange(5))
    curves[0, 0] = 0  # no first operand: alive
    curves[2, 1] = 0  # no answer: dead
    table = NeuronTable(make_task("x + y", 5), curves, "cyclic")
    assert table.dead.tolist() == [False, True, False]
    assert np.isnan(table.curve_ipr[0, 0])
    assert table.ipr[0] == pytest.approx(table.curve_ipr[1:, 0].mean())


def test_a_network_of_zeros_has_only_dead_neurons():
    table = neuron_table(plain_mlp(ADDITION, 4))
    assert table.dead.all()
    assert table.mean_ipr is None
    assert classify(table, 0.5).counts == {"high IPR": 0, "low IPR": 0, "dead": 4}


def test_parquet_keeps_values_and_convention(tmp_path, tiny_run):
    table = neuron_table(tiny_run)
    table.to_parquet(tmp_path / "neurons.parquet")
    read = pq.read_table(tmp_path / "neurons.parquet")
    np.testing.assert_array_equal(read["ipr"].to_numpy(), table.ipr)
    about = read.schema.metadata[b"interp"].decode()
    assert '"convention": "one-sided"' in about
    assert '"step": 30' in about


def test_caption_names_convention_basis_seed_and_step(tiny_run):
    caption = neuron_table(tiny_run, 30).caption
    for part in ("one-sided DFT, constant included", "cyclic characters", "seed 0", "step 30"):
        assert part in caption


def best_cut_by_trying(values: list[float]) -> float:
    """Least squared deviation inside two classes, over every cut, without shortcuts."""
    ascending = sorted(values)
    costs = {}
    for k in range(1, len(ascending)):
        if ascending[k] > ascending[k - 1]:
            parts = np.array(ascending[:k]), np.array(ascending[k:])
            costs[k] = sum(((part - part.mean()) ** 2).sum() for part in parts)
    k = min(costs, key=costs.__getitem__)
    return (ascending[k - 1] + ascending[k]) / 2


@pytest.mark.parametrize("seed", range(20))
def test_two_class_cut_is_optimal(seed):
    values = np.random.default_rng(seed).random(12).round(1)
    assert two_class_cut(values) == pytest.approx(best_cut_by_trying(values.tolist()))


def test_two_class_cut_on_paper():
    assert two_class_cut(np.array([0.0, 0.1, 0.9, 1.0])) == pytest.approx(0.5)
    assert two_class_cut(np.array([0.2, 0.2, 0.2, 0.8])) == pytest.approx(0.5)


def test_rules():
    network, kind = mixed_network()
    table = neuron_table(network)
    automatic, null, fixed = classify(table), classify(table, "null"), classify(table, 0.3)
    assert fixed.threshold == 0.3
    assert 0.1 < automatic.threshold < 0.99
    assert automatic.dip_p_value is not None
    assert automatic.dip_p_value < 0.001
    # A share 0.001 of noise lies above its own 99.9 % quantile: of 200, almost never more than 3.
    assert (null.generalizing & (kind == 1)).sum() <= 3
    assert null.generalizing[kind == 0].all()
    assert np.array_equal(fixed.generalizing, kind == 0)


def test_one_mode_draws_a_warning():
    noise, _ = mixed_network(built=1, noise=400)
    with pytest.warns(NotBimodalWarning, match="do not look like two classes"):
        classify(neuron_table(noise))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classify(neuron_table(noise), "null")
