"""One contract for every loss, against formulas written out here."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from interp.analysis.ablation.kernel_losses import added_up
from interp.analysis.ablation.kernel_scores import cumulative_sums
from interp.analysis.ablation.logit_sum import LabelledPairs, LogitSum
from interp.analysis.ablation.prune import prune
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.figures.training import training_curves
from interp.training.config.run_config import parse_config
from interp.training.data.dataset import make_dataset
from interp.training.data.splits import SPLITS
from interp.training.evaluation import scores
from interp.training.losses.loss import LOSSES
from interp.training.losses.own import loss
from interp.training.runs.subject import as_checkpoint
from interp.training.tasks.task import make_task
from interp.training.trainer.batches import label_places
from interp.training.trainer.loop import train, train_many
from interp.words.sentences import setting
from tests.conftest import plain_mlp, tiny_config

TASK = make_task("x + y", 11)
DATA = make_dataset(TASK, 0.6, 0.3)

# Of one example, in plain Python.
FORMULA = {
    "mse": lambda z, y: sum((v - (i == y)) ** 2 for i, v in enumerate(z)) / len(z),
    "cross_entropy": lambda z, y: math.log(sum(math.exp(v) for v in z)) - z[y],
    "hinge": lambda z, y: sum(max(0.0, 1 + v - z[y]) for i, v in enumerate(z) if i != y),
}
WORDS = {
    "mse": ("loss (MSE)", "MSE"),
    "cross_entropy": ("loss (cross-entropy, nats)", "cross-entropy (nats)"),
    "hinge": ("loss (hinge, margins)", "hinge (margins)"),
}
EVERY = [*LOSSES, "hinge"]


def hinge(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    right = logits.gather(1, labels[:, None])
    return (1 + logits - right).clamp(min=0).sum(dim=1) - 1


@pytest.fixture(autouse=True)
def with_an_own_one(for_a_while):
    loss("hinge", unit="margins")(hinge)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)) * 2


def labels_of(*shape: int, answers: int, seed: int = 1) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(answers, size=shape))


def each_of(name: str, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    at_labels = logits.gather(-1, labels.transpose(-1, -2)).transpose(-1, -2)
    return LOSSES[name].each(logits, labels, at_labels)


def test_every_loss_of_the_project_has_a_formula_here():
    assert {name for name in LOSSES if LOSSES.is_own(name)} == FORMULA.keys() - {"hinge"}
    assert all(LOSSES[name].name == name for name in LOSSES)


@pytest.mark.parametrize("name", FORMULA)
@pytest.mark.parametrize("runs", [(), (3,)], ids=["one run", "three runs"])
def test_value_of_each_example(name, runs):
    logits, labels = drawn(*runs, 7, 5), labels_of(*runs, 2, 7, answers=5)
    found = each_of(name, logits, labels)
    assert found.shape == labels.shape
    assert found.dtype == torch.float64
    expected = [
        [[FORMULA[name](z, y) for z, y in zip(rows, one, strict=True)] for one in both]
        for rows, both in zip(
            logits.view(-1, 7, 5).tolist(), labels.view(-1, 2, 7).tolist(), strict=True
        )
    ]
    torch.testing.assert_close(found.view(-1, 2, 7), torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("runs", [(), (3,)], ids=["one run", "three runs"])
def test_gradient_is_the_slope_of_the_mean(name, runs):
    """Central differences of the values on each example; no kink is near these logits."""
    row, logits, labels = LOSSES[name], drawn(*runs, 6, 5), labels_of(*runs, 6, answers=5)

    def mean_loss(values: torch.Tensor) -> torch.Tensor:
        return each_of(name, values, labels.unsqueeze(-2)).squeeze(-2).mean(dim=-1)

    buffer = logits.clone()
    sums = row.into_gradient(buffer, label_places(labels, 5))
    assert sums.shape == runs
    torch.testing.assert_close(sums / row.terms(6, 5), mean_loss(logits))
    found, size = buffer * row.scale(6, 5), 1e-6
    for place in np.ndindex(*logits.shape):
        shift = torch.zeros_like(logits)
        shift[place] = size
        slope = (mean_loss(logits + shift) - mean_loss(logits - shift)).sum() / (2 * size)
        # The rounding of a loss near 10, over 2e-6.
        assert found[place].item() == pytest.approx(slope.item(), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("name", EVERY)
def test_a_gradient_knows_where_its_labels_are(name):
    """Some rows of a larger buffer, as a step takes them in blocks."""
    logits, labels = drawn(9, 5), labels_of(9, answers=5)
    whole, part = logits.clone(), logits.clone()
    row = LOSSES[name]
    row.into_gradient(whole, label_places(labels, 5))
    places = label_places(labels, 5)
    row.into_gradient(part[3:7], places[3:7] - 15)
    torch.testing.assert_close(part[3:7], whole[3:7])
    assert torch.equal(part[:3], logits[:3])


@pytest.mark.parametrize("name", WORDS)
def test_words(name):
    assert (LOSSES[name].title, LOSSES[name].words) == WORDS[name]


@pytest.mark.parametrize("name", EVERY)
def test_a_run_is_trained_and_scored_by_it(name):
    run = train(tiny_config(loss=name, steps=40))
    network = run.network()
    logits = network(torch.as_tensor(run.dataset.pairs)).detach().double().tolist()
    rows = run.measurement().scores
    for split in ("train", "test", "corrected"):
        inside, labels = run.dataset.members(split), run.dataset.labels(split)
        each = [FORMULA[name](z, int(y)) for z, y in zip(logits, labels, strict=True)]
        # The scores of a training run are those of float32 logits.
        assert rows[split].loss == pytest.approx(np.mean(np.array(each)[inside]), rel=1e-5)
    assert rows["train"].loss < run.measurement(0).scores["train"].loss
    assert WORDS[name][1] in setting(run.config)
    assert training_curves(run).layout.yaxis2.title.text == WORDS[name][0]


@pytest.mark.parametrize("name", EVERY)
def test_runs_that_train_together_come_out_as_alone(name):
    configs = [tiny_config(loss=name, seed=seed, dtype="float64") for seed in (0, 1)]
    together = train_many(configs, run_axis=True)
    for config, found in zip(configs, together, strict=True):
        alone = train(config).network().state_dict()
        for key, tensor in found.network().state_dict().items():
            torch.testing.assert_close(tensor, alone[key], rtol=1e-9, atol=1e-11)


def random_network():
    network = plain_mlp(TASK, 8).double()
    network.set_curves(np.random.default_rng(2).normal(size=(3, 8, 11)))
    return network


@pytest.mark.parametrize("name", EVERY)
def test_a_pruning_curve_has_the_losses_of_pruned_networks(name):
    network = random_network()
    found = pruning_curve(
        as_checkpoint(network, dataset=DATA, loss=name),
        draws=2,
        orders=[("IPR", "lowest"), ("IPR", "highest")],
    )
    assert found.method.startswith("one cumulative pass") == (LOSSES[name].kernel is not None)
    assert found.loss_name == name
    everything = scores(network, DATA, name)
    nothing = scores(prune(network, np.array([], dtype=np.int64)), DATA, name)
    for curve in found.curves.values():
        assert curve.sizes.tolist() == list(range(9))
        for split in SPLITS:
            assert curve.loss[split][0] == pytest.approx(everything[split].loss, rel=1e-10)
            assert curve.loss[split][-1] == pytest.approx(nothing[split].loss, rel=1e-10)
            assert curve.accuracy[split][0] == everything[split].accuracy
    lowest = found["IPR", "lowest"].loss["train"][1:-1]
    highest = found["IPR", "highest"].loss["train"][1:-1]
    assert not np.allclose(lowest, highest), "the orders differ in between"


@pytest.mark.parametrize("name", [name for name in LOSSES if LOSSES[name].kernel])
@pytest.mark.parametrize("base", [False, True], ids=["no base", "a base"])
def test_the_compiled_pass_adds_up_the_formula(name, base):
    hidden, readout = drawn(4, 6).numpy(), drawn(4, 5, seed=3).numpy()
    labels = labels_of(2, 6, answers=5).numpy()
    part = np.array([0, 1, 0, 1, 1, 0])
    start = drawn(6, 5, seed=4).numpy() if base else None
    order = np.array([[2, 0, 3, 1]])
    logits, pairs = LogitSum(hidden, readout, start), LabelledPairs(labels, part, 2)
    _, found = cumulative_sums(logits, order, pairs, name)
    for size in range(5):
        rows = hidden[order[0, size:]].T @ readout[order[0, size:]] + (start if base else 0)
        for which in range(2):
            each = [FORMULA[name](z, y) for z, y in zip(rows, labels[which], strict=True)]
            expected = np.bincount(part, weights=each)
            np.testing.assert_allclose(found[0, which, :, size], expected, rtol=1e-10)


@pytest.mark.parametrize(
    "call",
    [
        lambda name: scores(random_network(), DATA, name),
        lambda name: pruning_curve(as_checkpoint(random_network(), dataset=DATA, loss=name)),
        lambda name: parse_config({"loss": name}),
    ],
    ids=["scores", "pruning curve", "configuration"],
)
def test_an_unknown_loss_is_refused_with_the_nearest(call, unchecked):
    """ "MSE" once meant cross-entropy without a word."""
    for name, near in (("MSE", "mse"), ("cross-entropy", "cross_entropy")):
        message = f"^loss: expected mse, cross_entropy or hinge, got '{name}'; nearest is {near}$"
        with pytest.raises(ValueError, match=message):
            call(name)


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match="loss 'mse' is there already, from interp itself"):
        loss("mse")(hinge)
    loss("hinge")(hinge)  # a cell of a notebook that runs again


@pytest.mark.parametrize("reduce", [lambda z: z.mean(), lambda z: z.sum(dim=0)])
def test_a_loss_is_a_value_for_each_example(reduce):
    loss("mean")(lambda logits, labels: reduce(logits))
    message = r"^loss 'mean': expected a value for each of 121 examples, got shape \((5,|11,|)\)$"
    with pytest.raises(ValueError, match=message):
        scores(random_network(), DATA, "mean")
    with pytest.raises(ValueError, match="loss 'mean': expected a value for each of "):
        train(tiny_config(loss="mean"))


def test_no_compiled_pass_for_a_loss_of_ones_own():
    with pytest.raises(ValueError, match=r"^loss 'hinge': no compiled pass adds it up$"):
        added_up("hinge")
