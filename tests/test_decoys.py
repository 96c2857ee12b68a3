"""Decoys: the same function, other weights; which rankings notice."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interp.analysis.ablation.prune import prune
from interp.analysis.measure import NotDefined
from interp.analysis.mechanism.decoys import decoys, rescaled
from interp.analysis.neurons.classify import two_class_cut
from interp.analysis.neurons.read import neuron_table
from interp.figures.by_ranking import decoys as drawn
from interp.training.data.dataset import make_dataset
from interp.training.data.splits import SPLITS
from interp.training.evaluation import in_float64, scores
from interp.training.models.analytic import analytic_network
from interp.training.models.mlp import MLP
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import plain_mlp, tiny_config
from tests.curves import curves_of

pytestmark = pytest.mark.filterwarnings("ignore:the IPRs do not look like two classes")

BUILT = 100  # neurons of the solution
SMALL = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 16}
# A model, the hidden layer, and d with φ(cx) = c^d φ(x).
HOMOGENEOUS = {
    "square": ({"width": 16}, 0, 2),
    "square with biases": ({"width": 16, "bias": True}, 0, 2),
    "cube": ({"width": 16, "activation": "cube"}, 0, 3),
    "three layers, the first": ({"width": 16, "depth": 3, "bias": True}, 0, 1),
    "three layers, the last": ({"width": 16, "depth": 3, "bias": True}, 1, 1),
    "Transformer": ({**SMALL, "bias": True}, 0, 1),
    "Transformer, square, layer norm": ({**SMALL, "norm": "layer", "activation": "square"}, 0, 2),
}


def random_network(model):
    """Untrained, its biases drawn too."""
    network = in_float64(train(tiny_config(model=model, steps=1)).network())
    with torch.no_grad():
        for name, one in network.named_parameters():
            if ".b_" in name:
                one.copy_(torch.from_numpy(np.random.default_rng(1).normal(size=one.shape)))
    return network


@pytest.mark.parametrize("name", HOMOGENEOUS)
def test_a_rescaled_network_computes_the_same(name):
    model, layer, degree = HOMOGENEOUS[name]
    network = random_network(model)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    factor = np.exp(np.random.default_rng(0).uniform(-1, 1, 16))
    pairs = torch.as_tensor(network.task.pairs)
    with torch.no_grad():
        logits = network(pairs)
        torch.testing.assert_close(rescaled(network, factor, layer, degree)(pairs), logits)
        other = rescaled(network, factor, layer, degree + 1)(pairs)
    assert (other - logits).abs().max() > 1e-3 * logits.abs().max(), "the degree matters"
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), "the network is not changed"


@pytest.mark.parametrize("name", HOMOGENEOUS)
def test_what_is_invariant_and_what_is_not(name):
    model, layer, degree = HOMOGENEOUS[name]
    network = random_network(model)
    factor = np.exp(np.random.default_rng(0).uniform(-1, 1, 16))
    one = neuron_table(network, layer=layer)
    other = neuron_table(rescaled(network, factor, layer, degree), layer=layer)
    assert one.degree == degree
    np.testing.assert_allclose(other.ipr, one.ipr, rtol=1e-9)
    np.testing.assert_allclose(other.invariant_norm, one.invariant_norm, rtol=1e-9)
    first, last = np.hypot(*one.norms[:2]), one.norms[2]
    expected = np.hypot(factor * first, factor**-degree * last)
    np.testing.assert_allclose(other.norm, expected, rtol=1e-9)


def hidden_noise(built: int = BUILT, noise: int = 80) -> MLP:
    """Neurons of the solution, and Gaussian ones of half their norm behind them."""
    task = make_task("x + y", 31)
    random = np.random.default_rng(3)
    # Of several sizes, so that their order does not hang on rounding.
    solution = curves_of(analytic_network(task, built)) * random.uniform(1, 1.2, (built, 1))
    gaussian = random.normal(size=(3, noise, 31))
    gaussian *= (
        np.linalg.norm(solution, axis=-1).mean() / 2 / np.sqrt((gaussian**2).sum(-1))[..., None]
    )
    network = plain_mlp(task, built + noise).double()
    network.set_curves(np.concatenate([solution, gaussian], axis=1))
    return network


def test_the_weight_norm_is_fooled_and_nothing_else():
    """Four times as large on the way in, the noise has the greatest norms."""
    network = hidden_noise()
    checkpoint = Checkpoint(network, make_dataset(network.task, 0.5, 0.3))
    values = decoys(checkpoint, factor=4, draws=3).values()
    assert values["pruned"] == 80
    only_built = scores(prune(network, np.arange(BUILT)), checkpoint.dataset)["test"].accuracy
    for ranking in ("IPR", "weight norm", "invariant norm", "answer IPR"):
        assert values[f"{ranking}.original.test_accuracy"] == only_built
    for ranking in ("IPR", "invariant norm", "answer IPR"):
        for decoy in ("scaled", "spread"):
            assert values[f"{ranking}.{decoy}.test_accuracy"] == only_built
            assert values[f"{ranking}.{decoy}.corrupted_accuracy"] == pytest.approx(
                values[f"{ranking}.original.corrupted_accuracy"], abs=1e-12
            )
    # By hand: the noise has become the greater, so that 80 of the solution's neurons go.
    left = scores(prune(network, fooled_order(network, 4)[80:]), checkpoint.dataset)
    for split in SPLITS:
        assert values[f"weight norm.scaled.{split}_accuracy"] == left[split].accuracy
    assert values["weight norm.scaled.test_accuracy"] < only_built - 0.2
    assert values["weight norm.scaled.spearman"] < 0.5
    for decoy in ("scaled", "spread"):
        assert values[f"strength.{decoy}.spearman"] == pytest.approx(1)
        assert 0 <= values[f"{decoy}.logit_change"] < 1e-13


def fooled_order(network: MLP, factor: float) -> np.ndarray:
    u, v, w = curves_of(network)
    scale = np.where(np.arange(len(u)) < BUILT, 1, factor)[:, None]
    parts = (scale * u, scale * v, w / scale**2)
    return np.argsort(sum((one**2).sum(axis=1) for one in parts), kind="stable")


def test_scores_of_a_trained_run_by_networks_that_are_pruned(tiny_run):
    found = decoys(tiny_run, draws=4, seed=2)
    table, network = neuron_table(tiny_run), in_float64(tiny_run.network())
    pruned = int((table.ipr < two_class_cut(table.ipr)).sum())
    assert found.pruned == pruned
    spread = np.exp(stream(2, "decoys").uniform(-np.log(4), np.log(4), 16))
    u, v, w = table.curves
    parts = (spread[:, None] * u, spread[:, None] * v, w / spread[:, None] ** 2)
    norm = sum((one**2).sum(axis=1) for one in parts)
    expected = {
        ("IPR", "original"): np.argsort(table.ipr),
        ("IPR", "scaled"): np.argsort(table.ipr),
        ("weight norm", "original"): np.argsort(table.norm),
        ("weight norm", "spread"): np.argsort(norm),
    }
    for (ranking, which), order in expected.items():
        left = scores(prune(network, order[pruned:]), tiny_run.dataset).values()
        assert found.scores[ranking][which] == pytest.approx(left, rel=1e-9), (ranking, which)
    random = stream(2, "control")
    drawn = [
        scores(prune(network, random.permutation(16)[pruned:]), tiny_run.dataset).values()
        for _ in range(4)
    ]
    mean = {name: np.mean([one[name] for one in drawn]) for name in drawn[0]}
    for which in ("original", "scaled", "spread"):
        assert found.scores["random"][which] == pytest.approx(mean, rel=1e-9)


def test_table_and_figure(tiny_run):
    found = decoys(tiny_run, draws=2)
    frame = found.to_pandas()
    assert len(frame) == 6 * 3
    row = frame[(frame["ranking"] == "weight norm") & (frame["network"] == "scaled")].iloc[0]
    assert row["test_accuracy"] == found.values()["weight norm.scaled.test_accuracy"]
    assert row["spearman"] == found.values()["weight norm.scaled.spearman"]
    figure = drawn(found)
    shown = {(t.name, t.xaxis): (list(t.y), list(t.x)) for t in figure.data}
    for axis, decoy in (("x", "scaled"), ("x2", "spread")):
        values = [found.scores[name][decoy]["test_accuracy"] for name in found.scores]
        assert shown["test, rescaled", axis] == (list(found.scores), values)
    with pytest.raises(TypeError, match="expected decoys, such as interp"):
        drawn(3)


def test_a_split_without_examples_has_no_score():
    values = decoys(train(tiny_config(data={"fraction": 1, "corruption": 0.3})), draws=2).values()
    assert values["random.original.test_accuracy"] is None
    assert values["random.original.train_accuracy"] is not None


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            {"width": 16, "activation": "gelu"},
            "expected a homogeneous activation, such as square or relu, got gelu",
        ),
        ({"width": 16, "norm": "batch"}, "expected neurons without a norm, got BatchNorm on them"),
        ({"width": 16, "norm": "layer"}, "expected neurons without a norm, got LayerNorm on them"),
        ({**SMALL, "d_mlp": 0}, "an attention-only network has no neurons; see its heads"),
    ],
)
def test_what_has_no_decoys(model, message):
    run = train(tiny_config(model=model, steps=1))
    with pytest.raises(NotDefined) as caught:
        decoys(run)
    assert str(caught.value) == f"measure decoys: {message}"


def test_the_layer_that_is_asked_for_is_the_one_that_counts():
    run = train(tiny_config(model={"width": 16, "depth": 3, "norm": "batch", "norm_last": False}))
    with pytest.raises(NotDefined, match="expected neurons without a norm, got BatchNorm on them"):
        decoys(run)
    assert decoys(run, layer=1, draws=2).values()["scaled.logit_change"] < 1e-12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factor": 0.0}, "factor: expected a number from 0.001 to 1000, got 0"),
        ({"factor": -3.0}, "factor: expected a number from 0.001 to 1000, got -3"),
        ({"draws": 0}, "draws: expected a whole number of at least 1, got 0"),
        ({"layer": 1}, "layer: expected a hidden layer from 0 to 0, got 1"),
    ],
)
def test_options_out_of_range(tiny_run, options, message):
    with pytest.raises(ValueError) as caught:
        decoys(tiny_run, **options)
    assert str(caught.value).startswith(message)
