"""Restricted, excluded and held-out restricted scores: exact logits, and projections by hand."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from interp.analysis.measures import MEASURES
from interp.analysis.mechanism.keys import find_keys
from interp.analysis.mechanism.progress import lookup_logits
from interp.analysis.mechanism.rule import Rule, RuleLogits, no_rule, rule_logits
from interp.training.data.dataset import make_dataset
from interp.training.models.adapt import adapt
from interp.training.models.analytic import analytic_network
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks.groups import GROUPS
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.own_modules import small

KEYS = (3, 11, 17, 30, 42)


def refused(message: str):
    return pytest.raises(ValueError, match=re.escape(message))


def noise(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


@pytest.fixture(scope="module")
def data():
    return make_dataset(make_task("x + y", 97), 0.5)


def cosine_logits(pairs: np.ndarray, p: int, keys=KEYS, size: float = 10) -> torch.Tensor:
    """Σ_k size · cos(2πk(a + b − c)/p)."""
    away = (pairs.sum(axis=1)[:, None] - np.arange(p)) % p
    return torch.from_numpy(size * sum(np.cos(2 * np.pi * k * away / p) for k in keys))


# --- pure logits, whose answer is known ---------------------------------------------------------


def test_pure_cosines(data):
    """Restricted is the loss, excluded leaves nothing: log p on every split."""
    own = RuleLogits(Rule(data, "cross_entropy"), cosine_logits(data.pairs, 97))
    whole = own.rule.score(own.logits)
    away = 2 * np.pi * np.outer(KEYS, np.arange(1, 97)) / 97
    exact = np.log1p(np.exp(10 * np.cos(away).sum(axis=0) - 50).sum())
    assert whole["all"].loss == pytest.approx(exact, rel=1e-6)
    for found in (own.restricted(KEYS), own.restricted_3d(KEYS)):
        for split in ("train", "test", "all"):
            assert found[split].loss == pytest.approx(whole[split].loss, rel=1e-6)
            assert found[split].accuracy == 1
    for found in (own.excluded(KEYS), own.excluded_3d(KEYS)):
        for split in ("train", "test", "clean", "all"):
            assert found[split].loss == pytest.approx(np.log(97), abs=1e-9)
    held = own.held_out(KEYS)
    assert held["test"].loss == pytest.approx(whole["test"].loss, rel=1e-6)
    assert held["train"].accuracy is None
    # Without one of five equal keys the others answer still.
    assert own.excluded(KEYS[:1])["all"].accuracy == 1


def test_the_keys_of_pure_cosines(data):
    own = RuleLogits(Rule(data, "mse"), cosine_logits(data.pairs, 97))
    found = find_keys(Checkpoint(analytic_network(data.task, 4), data), own, "logits")
    assert found.blocks == KEYS
    assert found.names == tuple(f"frequency {k}" for k in KEYS)
    assert found.words == "keys: power of the logits at least 0.25 of the greatest, 5 of 48 blocks"
    by_cosine = find_keys(Checkpoint(analytic_network(data.task, 4), data), own, "cosine")
    assert by_cosine.blocks == KEYS
    np.testing.assert_allclose(own.cosines[list(KEYS)], 5**-0.5)
    np.testing.assert_allclose(np.delete(own.cosines, KEYS), 0, atol=1e-12)


def test_logits_of_the_difference_have_no_part_of_the_sum(data):
    away = (data.pairs[:, :1] - data.pairs[:, 1:] - np.arange(97)) % 97
    logits = torch.from_numpy(np.cos(2 * np.pi * 5 * away / 97))
    own = RuleLogits(Rule(data, "mse"), logits)
    np.testing.assert_allclose(own.power, 0, atol=1e-15)
    np.testing.assert_allclose(own.coefficients, 0, atol=1e-15)


# --- a lookup table: what knows no rule ---------------------------------------------------------


@pytest.mark.parametrize("corruption", [0.0, 0.35])
def test_a_lookup_table_passes_for_the_rule_unless_test_pairs_are_held_out(corruption):
    data = make_dataset(make_task("x + y", 97), 0.5, corruption)
    rule = Rule(data, "cross_entropy")
    table = RuleLogits(rule, lookup_logits(data, 50.0))
    whole = rule.score(table.logits)
    assert whole["test"].accuracy < 0.03
    assert whole["test"].loss == pytest.approx(np.log(97), abs=1e-3)
    every = table.restricted(tuple(rule.blocks))
    assert every["test"].accuracy == 1.0
    held = table.held_out(tuple(rule.blocks))
    assert held["test"].accuracy <= 2.5 / 97
    if corruption == 0:
        assert every["test"].loss < 1e-6
        assert table.restricted((2, 9, 20, 33, 45))["test"].accuracy > 0.8


def test_the_lookup_table_knows_the_given_labels():
    data = make_dataset(make_task("x + y", 11), 0.5, 0.5)
    logits = lookup_logits(data, 3.0, seed=1)
    train = data.is_train
    expected = 3 * np.eye(11)[data.given_label[train]]
    np.testing.assert_array_equal(logits[train], expected)
    assert 5e-4 < float(logits[~train].std()) < 2e-3
    assert not torch.equal(logits, lookup_logits(data, 3.0, seed=2))


# --- projections, by another way ----------------------------------------------------------------


def by_directions(logits: np.ndarray, angle: np.ndarray, keys) -> np.ndarray:
    """Σ over cos, sin(angle · k) of the projection of each answer's logits on that direction."""
    found = np.zeros_like(logits)
    for k in keys:
        for wave in (np.cos(k * angle), np.sin(k * angle)):
            unit = wave / np.linalg.norm(wave)
            found += np.outer(unit, unit @ logits)
    return found


def element_angle(task) -> np.ndarray:
    """2π times the place of the right answer in the group's order, over the group's size."""
    order = GROUPS[task.group].elements(task.p)
    place = np.full(task.p, -1)
    place[order] = np.arange(len(order))
    return 2 * np.pi * place[task.answers] / len(order)


@pytest.mark.parametrize("operation", ["x + y", "x - y", "x * y", "x / y"])
def test_projections_by_the_directions_of_the_source(operation):
    task = make_task(operation, 13)
    data = make_dataset(task, 0.6, 0.2)
    angle = element_angle(task)
    inside = angle >= 0
    logits = noise((int(inside.sum()), 13)).numpy()
    rule = Rule(data, "cross_entropy")
    np.testing.assert_array_equal(rule.inside, inside)
    own = RuleLogits(rule, torch.from_numpy(logits))
    part = by_directions(logits, angle[inside], (1, 4))
    expected = torch.from_numpy(logits - part)
    assert own.excluded((1, 4)) == rule.score(expected) or np.allclose(
        own.excluded((1, 4))["all"].loss, rule.score(expected)["all"].loss, atol=1e-12
    )
    restricted = rule.score(torch.from_numpy(logits.mean(axis=0) + part))
    assert own.restricted((1, 4))["test"].loss == pytest.approx(restricted["test"].loss, abs=1e-12)
    assert own.restricted((1, 4))["corrupted"].loss == pytest.approx(
        restricted["corrupted"].loss, abs=1e-12
    )


def test_one_number_a_frequency_by_its_direction():
    """The 3-D variant: along cos(ω(a + b − c)) over pairs and answers together."""
    data = make_dataset(make_task("x + y", 13), 0.6)
    logits = noise((169, 13), seed=1)
    own = RuleLogits(Rule(data, "mse"), logits)
    wave = cosine_logits(data.pairs, 13, (4,), 1).numpy()
    unit = wave / np.linalg.norm(wave)
    part = (unit * logits.numpy()).sum() * unit
    expected = own.rule.score(logits - torch.from_numpy(part))
    assert own.excluded_3d((4,))["all"].loss == pytest.approx(expected["all"].loss, abs=1e-12)
    constant = logits.numpy().mean(axis=0)
    expected = own.rule.score(torch.from_numpy(constant + part))
    assert own.restricted_3d((4,))["test"].loss == pytest.approx(expected["test"].loss, abs=1e-12)
    cosine = (unit * logits.numpy()).sum() / np.linalg.norm(logits.numpy() - constant)
    assert own.cosines[4] == pytest.approx(cosine, abs=1e-12)


def test_held_out_by_least_squares_on_test_pairs():
    data = make_dataset(make_task("x + y", 13), 0.6)
    logits = noise((169, 13), seed=2)
    own = RuleLogits(Rule(data, "mse"), logits)
    angle = 2 * np.pi * data.true_label / 13
    waves = [np.ones(169)] + [f(k * angle) for k in (2, 5) for f in (np.cos, np.sin)]
    design, test = np.stack(waves, axis=1), ~data.is_train
    fit, *_ = np.linalg.lstsq(design[test], logits.numpy()[test], rcond=None)
    expected = own.rule.score(torch.from_numpy(design @ fit))["test"]
    found = own.held_out((2, 5))["test"]
    assert found.loss == pytest.approx(expected.loss, abs=1e-12)
    assert found.accuracy == expected.accuracy


def test_held_out_of_all_blocks_is_the_mean_over_test_pairs():
    data = make_dataset(make_task("x + y", 13), 0.6)
    logits = noise((169, 13), seed=3)
    own = RuleLogits(Rule(data, "mse"), logits)
    test = ~data.is_train
    means = np.zeros((13, 13))
    for answer in range(13):
        among = test & (data.true_label == answer)
        means[answer] = logits.numpy()[among].mean(axis=0)
    expected = own.rule.score(torch.from_numpy(means[data.true_label]))["test"].loss
    assert own.held_out(tuple(own.rule.blocks))["test"].loss == pytest.approx(expected, abs=1e-12)


def test_without_test_pairs_nothing_is_held_out():
    data = make_dataset(make_task("x + y", 7), 1.0)
    assert RuleLogits(Rule(data, "mse"), noise((49, 7))).held_out((1,)) is None
    found = MEASURES["progress"](Checkpoint(analytic_network(data.task, 60), data))
    assert "held_out" not in found.scores


# --- the measure --------------------------------------------------------------------------------


def test_the_analytic_network(data):
    found = MEASURES["progress"](Checkpoint(analytic_network(data.task, 500), data)).values()
    assert found["held_out_all.test_accuracy"] == 1
    assert found["restricted_all.all_accuracy"] == 1
    assert found["excluded_all.all_accuracy"] < 0.1
    assert found["held_out_all_lookup.test_accuracy"] < 0.03
    assert found["restricted_all_lookup.test_accuracy"] == 1


def test_scores_are_those_of_the_parts(tiny_run):
    found = MEASURES["progress"](tiny_run, keys="all")
    checkpoint = tiny_run.checkpoint()
    assert found.scores["whole"] == checkpoint.scores
    rule = Rule(checkpoint.dataset, checkpoint.loss)
    own = rule_logits(rule, checkpoint.exact, checkpoint.dataset)
    assert found.scores["restricted"] == own.restricted(range(1, 6))
    assert found.per_key["frequency 3"] == own.excluded([3])
    assert found.values()["keys"] == 5
    frame = found.to_pandas()
    assert frame.loc["excluded frequency 3", "what"] == "without frequency 3"
    assert frame["control"].sum() == 9
    assert found.to_dict()["key_blocks"] == [f"frequency {k}" for k in range(1, 6)]
    assert len(MEASURES["progress"](tiny_run, per_key=False).per_key) == 0


def test_the_margin_of_the_lookup_table(tiny_run):
    """A perfect table of labels: no error under squares, and a great margin in logits else."""
    found = MEASURES["progress"](tiny_run).values()
    assert found["whole_lookup.train_loss"] == pytest.approx(0, abs=1e-15)
    entropy = train(tiny_config(loss="cross_entropy", steps=1))
    assert MEASURES["progress"](entropy).values()["whole_lookup.train_loss"] < 1e-15
    small_margin = MEASURES["progress"](tiny_run, margin=0.5).values()
    assert small_margin["whole_lookup.train_loss"] == pytest.approx(0.25 / 11)


def test_keys_by_the_weights():
    """A network whose neurons have two frequencies, the second one weaker in every matrix."""
    task = make_task("x + y", 23)
    network = analytic_network(task, 60)
    index = np.arange(60)
    angle = 2 * np.pi * np.outer(np.where(index < 50, 3, 7), np.arange(23)) / 23
    phases = np.random.default_rng(0).uniform(-3, 3, size=(2, 60))
    curves = [np.cos(angle + phase[:, None]) for phase in (*phases, phases.sum(axis=0))]
    network.set_curves(curves)
    checkpoint = Checkpoint(network, make_dataset(task, 0.5))
    rule = Rule(checkpoint.dataset, "mse")
    own = rule_logits(rule, network, checkpoint.dataset)
    for which in ("embedding", "unembedding"):
        assert find_keys(checkpoint, own, which).blocks == (3,)
        assert find_keys(checkpoint, own, which, 0.1).blocks == (3, 7)
    assert find_keys(checkpoint, own, "all").blocks == tuple(range(1, 12))


def test_pairs_without_an_element_are_left_out_and_told():
    run = train(tiny_config(task={"operation": "x * y", "p": 11}))
    found = MEASURES["progress"](run)
    assert "21 pairs left out whose answer is no element" in found.caption
    assert "multiplicative characters" in found.caption


def test_a_rule_whose_answers_are_not_alike():
    task = make_task("x**2 + y**2", 11)
    assert no_rule(make_task("x - y", 11)) is None
    message = (
        "expected a rule whose answers are equally frequent, as a group's are; got x**2 + y**2"
    )
    assert no_rule(task).startswith(message)
    with refused(f"measure progress: {message}"):
        MEASURES["progress"](train(tiny_config(task={"operation": "x**2 + y**2"}, steps=1)))


def test_keys_that_are_not_there(tiny_run):
    own = adapt(small(), make_task("x + y", 11), "fc1", "tokens")
    checkpoint = Checkpoint(own, make_dataset(own.task, 0.5))
    with refused("keys: embeddings: not defined for a network of class Adapted"):
        MEASURES["progress"](checkpoint, keys="embedding")
    with refused("level: expected a number from 0 to below 1, got 1.0"):
        MEASURES["progress"](tiny_run, level=1.0)
    with refused("keys: input should be"):
        MEASURES["progress"](tiny_run, keys="norm")


def test_keys_by_an_unembedding_that_is_not_known():
    own = adapt(small(), make_task("x + y", 11), "fc1", "tokens")
    own.readout = lambda layer: None
    with refused(
        "keys: expected a network whose logits are a sum over its last neurons, or keys by the "
        "logits; got an adapted module"
    ):
        MEASURES["progress"](Checkpoint(own, make_dataset(own.task, 0.5)), keys="unembedding")


def test_a_transformer_and_somebodys_module():
    run = train(tiny_config(model={"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 0}))
    assert MEASURES["progress"](run, keys="unembedding").values()["keys"] >= 1
    own = adapt(small(), make_task("x + y", 11), "fc1", "tokens")
    found = MEASURES["progress"](Checkpoint(own, make_dataset(own.task, 0.5)))
    assert found.scores["whole"]["all"].accuracy is not None


@pytest.mark.parametrize("margin", [0.0, -1.0, 1e300])
def test_a_margin_that_is_none(tiny_run, margin):
    message = f"margin: expected a number above 0 and at most 1e+06, got {margin:g}"
    with refused(message):
        MEASURES["progress"](tiny_run, margin=margin)
