"""Logits as characters: sums of them, whose cosines are known, and direct sums over pairs."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from interp.analysis.measure import NotDefined
from interp.analysis.measures import MEASURES
from interp.analysis.mechanism.characters import cosines, parts
from interp.analysis.mechanism.progress import lookup_logits
from interp.analysis.mechanism.rule import Rule, RuleLogits
from interp.training.config.sections import ModelConfig
from interp.training.data.dataset import make_dataset
from interp.training.models.adapt import adapt
from interp.training.models.analytic import analytic_network
from interp.training.models.mlp import MLP
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks.finite.irreps import irreps
from interp.training.tasks.finite.names import named_group
from interp.training.tasks.task import make_task
from tests.own_modules import small


def character_logits(name: str, weights: dict[str, float], pairs: np.ndarray) -> torch.Tensor:
    """Σ a χ(x y z⁻¹), from products in the group's table alone."""
    group, found = named_group(name), irreps(named_group(name))
    product = group.table[pairs[:, 0], pairs[:, 1]]
    away = group.table[product[:, None], group.inverse[None]]
    rows = [a * found.character[found.names.index(irrep)] for irrep, a in weights.items()]
    return torch.from_numpy(np.sum(rows, axis=0)[away])


def data_of(name: str, fraction: float = 0.6):
    return make_dataset(make_task("x * y", group=name), fraction)


@pytest.mark.parametrize("name", ["S4", "D12"])
def test_sum_of_characters(name):
    """Real irreps of dimension d: ‖χ‖² is the number of elements, so cosines go by weights."""
    data, found = data_of(name), irreps(named_group(name))
    weights = {found.names[1]: 3.0, found.names[-1]: 4.0}
    own = parts(RuleLogits(Rule(data, "mse"), character_logits(name, weights, data.pairs)))
    expected = np.zeros(len(found.names))
    expected[[1, -1]] = 0.6, 0.8
    np.testing.assert_allclose(own.cosine, expected, atol=1e-12)
    assert own.explained == pytest.approx(1)
    assert own.explained_test == pytest.approx(1)  # characters span them over any pairs


def test_cosines_over_some_pairs():
    """Against sums over these pairs, means over them taken away."""
    data = data_of("S4")
    random = np.random.default_rng(0)
    logits = torch.from_numpy(random.normal(size=(576, 24)))
    some = random.random(576) < 0.3
    found = cosines(RuleLogits(Rule(data, "mse"), logits), some)
    own = logits.numpy()[some] - logits.numpy()[some].mean(axis=0)
    for block, name in enumerate(irreps(named_group("S4")).names[1:], start=1):
        one = character_logits("S4", {name: 1.0}, data.pairs).numpy()[some]
        one = one - one.mean(axis=0)
        expected = (own * one).sum() / np.sqrt((own**2).sum() * (one**2).sum())
        assert found[block] == pytest.approx(expected, abs=1e-12)
    every = cosines(RuleLogits(Rule(data, "mse"), logits), np.ones(576, dtype=bool))
    np.testing.assert_allclose(every, RuleLogits(Rule(data, "mse"), logits).cosines, atol=1e-12)


def test_lookup_table_has_characters_on_training_pairs_alone():
    data = data_of("S5", 0.6)
    own = RuleLogits(Rule(data, "mse"), lookup_logits(data, 1.0))
    found = parts(own)
    assert found.explained > 0.3
    assert found.explained_test == pytest.approx(0, abs=1e-3)


def test_logits_that_do_not_vary_and_no_test_pair():
    data = data_of("S4")
    same = RuleLogits(Rule(data, "mse"), torch.ones(576, 24, dtype=torch.float64))
    assert not parts(same).cosine.any()
    assert parts(same).explained == 0
    whole = data_of("S4", 1.0)
    found = parts(RuleLogits(Rule(whole, "mse"), lookup_logits(whole, 1.0)))
    assert found.explained_test is None
    assert found.explained == pytest.approx(1)  # 1 at the right answer is the sum of d χ / n


@pytest.mark.parametrize("name", ["S4", "D12"])
def test_measure_of_the_analytic_network(name):
    """By its construction the logits are dominated by the character form of every irrep."""
    task = make_task("x * y", group=name)
    found = MEASURES["characters"](Checkpoint(analytic_network(task, 4000), data_of(name)))
    values = found.values()
    assert values["explained"] > 0.5
    assert values["explained_untrained"] < 0.05
    assert values["blocks"] == len(irreps(named_group(name)).names) - 1
    frame = found.to_pandas()
    assert frame.index.name == "irrep"
    assert "trivial" not in frame.index
    assert frame["power"].is_monotonic_decreasing
    assert frame["key"].sum() == values["keys"]


def residues(network) -> Checkpoint:
    return Checkpoint(network, make_dataset(network.task, 0.5))


def test_frequencies_of_residues_and_other_networks():
    found = MEASURES["characters"](residues(analytic_network(make_task("x + y", 11), 200)))
    assert found.to_pandas().index.name == "frequency"
    adapted = adapt(small(), make_task("x + y", 11), "fc1", "tokens")
    own = MEASURES["characters"](residues(adapted))
    assert "untrained: not known" in own.note
    assert "explained_untrained" not in own.values()


def test_refused():
    one = Checkpoint(analytic_network(make_task("x * y", group="S4"), 100), data_of("S4"))
    with pytest.raises(ValueError, match=re.escape("level: expected a number from 0 to 1, got 2")):
        MEASURES["characters"](one, level=2)
    task = make_task("x**2 + y**2", 11)
    with pytest.raises(NotDefined, match="answers are equally frequent"):
        MEASURES["characters"](residues(MLP(task, ModelConfig(width=8))))
