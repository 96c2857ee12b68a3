"""Turn-over dropout: masks by hand, every way of a step, what is refused, and what comes of it."""

from __future__ import annotations

import re
import signal
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from interp.analysis.measure import NotDefined
from interp.analysis.measures import MEASURES
from interp.analysis.memorization.case import Case
from interp.analysis.memorization.detectors import DETECTORS
from interp.analysis.memorization.turnover import turnover_logits
from interp.cli.app import main
from interp.training.config.masks import WARNING
from interp.training.config.run_config import RunConfig
from interp.training.config.sections import ModelConfig
from interp.training.models.kinds import initial_network
from interp.training.models.layers.masks import Shared, mask_numbers
from interp.training.models.layers.noise import Noise, dropout_key
from interp.training.runs.origin import Origin, Pruned
from interp.training.runs.run import Run
from interp.training.trainer import by_hand
from interp.training.trainer.cohort import Cohort
from interp.training.trainer.loop import Interrupted, dataset_of, train, train_many
from tests.conftest import tiny_config
from tests.test_noise import kept_by_hand

CPU = torch.device("cpu")
TRANSFORMER = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12}
MODELS = {
    "MLP": {"width": 12},
    "MLP, dropout after φ": {"width": 12, "dropout_at": "post"},
    "three layers, layer norm": {"width": 12, "depth": 3, "norm": "layer"},
    "Transformer": TRANSFORMER,
    "two blocks of three tokens": {**TRANSFORMER, "n_layers": 2, "equals_token": True},
}
# Its warning is tested by itself.
pytestmark = pytest.mark.filterwarnings("ignore:model.dropout_masks")


def refused(message: str, kind: type[Exception] = ValueError):
    return pytest.raises(kind, match=f"^{re.escape(message)}$")


def masked(masks: int | None, model: dict | None = None, **changes: object) -> RunConfig:
    own = {"width": 12} if model is None else model
    return tiny_config(
        **{
            "model": {**own, "dropout": 0.5, "dropout_masks": masks},
            "dtype": "float64",
            "steps": 12,
            **changes,
        }
    )


# --- masks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "examples"), [(1, 9), (2, 73), (7, 73), (73, 73)])
def test_each_example_has_one_of_the_masks_and_each_mask_as_many(count, examples):
    numbers = mask_numbers(count, examples, 0)
    sizes = np.bincount(numbers, minlength=count)
    assert len(numbers) == examples and len(sizes) == count
    assert sizes.max() - sizes.min() <= 1
    np.testing.assert_array_equal(numbers, mask_numbers(count, examples, 0))
    if count > 1:
        assert (numbers != mask_numbers(count, examples, 1)).any()
        assert (numbers != np.arange(examples) % count).any()  # no pattern of the pairs


def noise_of(keys, shared: Shared | None = None, complement: bool = False) -> Noise:
    rate = torch.full((len(keys),) if isinstance(keys, list) else (), 0.5, dtype=torch.float64)
    key, step = torch.tensor(keys, dtype=torch.int32), torch.zeros((), dtype=torch.int32)
    return Noise(key, rate, step, True, shared=shared, fixed=True, complement=complement)


def by_hand_masks(key: int, numbers, neurons: int, layer: int) -> np.ndarray:
    return np.array(
        [
            [1.0 * kept_by_hand(key, 0, layer, int(row), n, neurons, 0.5) for n in range(neurons)]
            for row in numbers
        ]
    )


@pytest.mark.parametrize("complement", [False, True])
def test_shared_masks_are_rows_of_the_hash(complement):
    """Whole and in blocks, compiled and by tensors, one run and several."""
    numbers, neurons, layer = [2, 0, 1, 1, 2, 0, 0], 5, 1
    expected = by_hand_masks(77, numbers, neurons, layer)
    expected = 1 - expected if complement else expected
    one = noise_of(77, Shared(3, torch.tensor(numbers)), complement)
    found = one.factor(7, neurons, layer, torch.float64)
    np.testing.assert_array_equal(found.numpy(), expected)
    block = one.factor(3, neurons, layer, torch.float64, first=2)
    np.testing.assert_array_equal(block.numpy(), expected[2:5])
    others = [numbers, [0, 0, 2, 2, 1, 1, 0]]
    several = noise_of([77, -5], Shared(3, torch.tensor(others)), complement)
    together = several.factor(7, neurons, layer, torch.float64)
    np.testing.assert_array_equal(together[0].numpy(), expected)
    second = by_hand_masks(-5, others[1], neurons, layer)
    np.testing.assert_array_equal(together[1].numpy(), 1 - second if complement else second)


def test_other_devices_give_the_same_masks(monkeypatch):
    number = torch.tensor([[2, 0, 1, 1], [0, 1, 2, 2]])
    for complement in (False, True):
        for shared in (None, Shared(3, number)):
            noise = noise_of([9, -3], shared, complement)
            compiled = noise.factor(3, 5, 2, torch.float32, first=1)
            with monkeypatch.context() as patched:
                patched.setattr(Noise, "_compiled", Noise._by_tensors)
                by_tensors = noise.factor(3, 5, 2, torch.float32, first=1)
            torch.testing.assert_close(by_tensors, compiled, rtol=0, atol=0)


def test_a_mask_and_its_complement_make_the_whole_network():
    own, other = (noise_of(3, None, c).factor(40, 30, 0, torch.float64) for c in (False, True))
    assert (own + other == 1).all() and (own * other == 0).all()
    assert own.mean().item() == pytest.approx(0.5, abs=0.08)


# --- a step -------------------------------------------------------------------------------------


@pytest.mark.parametrize("masks", [0, 3])
def test_training_by_a_second_implementation(masks):
    """Three steps of SGD by autograd on one-hot inputs, with masks from the hash by hand."""
    config = masked(masks, steps=3, optimizer={"name": "sgd", "lr": 5.0, "weight_decay": 0})
    data, run = dataset_of(config), train(config)
    pairs, given = data.pairs[data.is_train], data.given_label[data.is_train]
    key = dropout_key(config.seed_of("dropout"))
    numbers = mask_numbers(masks, len(pairs), 0) if masks else np.arange(len(pairs))
    factor = torch.as_tensor(by_hand_masks(key, numbers, 12, 0))
    start = initial_network(config, data.task).state_dict()
    w_in, w_out = (
        start[name].clone().requires_grad_() for name in ("blocks.0.mlp.W_in", "unembed.W_U")
    )
    one_hot = torch.nn.functional.one_hot
    first, second = (one_hot(torch.as_tensor(pairs[:, i]), 11).double() for i in (0, 1))
    target = one_hot(torch.as_tensor(given), 11).double()
    inputs = torch.cat([first, second], dim=1)
    for _ in range(3):
        loss = (((inputs @ w_in * factor) ** 2 @ w_out - target) ** 2).mean()
        gradients = torch.autograd.grad(loss, (w_in, w_out))
        with torch.no_grad():
            for weight, gradient in zip((w_in, w_out), gradients, strict=True):
                weight -= 5.0 * gradient
    found = run.checkpoint().network.state_dict()
    for name, expected in (("blocks.0.mlp.W_in", w_in), ("unembed.W_U", w_out)):
        assert (start[name] - expected).abs().max() > 1e-4
        torch.testing.assert_close(found[name], expected.detach(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("run_axis", [True, False])
@pytest.mark.parametrize("masks", [0, 3])
@pytest.mark.parametrize("model", MODELS)
def test_own_logits_are_those_that_training_sees(model, masks, run_axis):
    """The loss of a step is that of the own logits before it, of each run of a cohort."""
    configs = [masked(masks, MODELS[model], seed=seed, steps=5) for seed in (0, 1)]
    data = [dataset_of(config) for config in configs]
    cohort = Cohort(configs, data, CPU, run_axis)
    for _ in range(5):
        cohort.advance()
    runs, losses = train_many(configs), cohort.advance()
    for run, loss in zip(runs, losses, strict=True):
        assert isinstance(run, Run)
        own, other = turnover_logits(run)
        label = run.dataset.given_label[run.dataset.is_train]
        target = torch.nn.functional.one_hot(torch.as_tensor(label), 11).double()
        assert float(((own - target) ** 2).mean()) == pytest.approx(loss.item(), rel=1e-9)
        assert abs(float(((other - target) ** 2).mean()) - loss.item()) > 1e-6


def test_blocks_of_examples_have_the_masks_of_their_places(monkeypatch):
    """Three blocks instead of one, which only sum in another order."""
    config = masked(3)
    whole = train(config)
    monkeypatch.setattr(by_hand, "_BLOCK_VALUES", 12 * 25)
    apart = train(config)
    for name, array in whole.weights[12].items():
        np.testing.assert_allclose(apart.weights[12][name], array, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("model", "masks"), [("MLP", 0), ("three layers, layer norm", 3), ("Transformer", 3)]
)
def test_a_resumed_run_is_bit_identical(model, masks, tmp_path):
    config = masked(masks, MODELS[model])

    def press(step, _):
        if step == 6:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        train(config, tmp_path / "run", press)
    found, expected = train(config, tmp_path / "run"), train(config)
    for name, array in expected.weights[12].items():
        np.testing.assert_array_equal(found.weights[12][name], array)
    for one, other in zip(turnover_logits(found), turnover_logits(expected), strict=True):
        assert torch.equal(one, other)


def test_masks_move_nothing_where_they_are_not_chosen():
    """Names of older configurations stay; fixed masks are another run."""
    plain = tiny_config(model={"width": 12, "dropout": 0.5})
    assert "dropout_masks" not in plain.identity()
    names = {masked(masks).identity() for masks in (None, 0, 1, 2)}
    assert len(names) == 4
    assert plain.identity() == tiny_config(model=masked(None).model).identity()


def test_the_seed_of_dropout_moves_the_masks():
    one, other = (train(masked(4, seeds={"dropout": seed})) for seed in (1, 2))
    assert not np.array_equal(one.weights[12]["unembed.W_U"], other.weights[12]["unembed.W_U"])


# --- what is refused and said ---------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0, 0.3])
def test_another_rate(rate):
    message = (
        "model.dropout: expected 0.5 with dropout_masks, whose complements are then the other half "
        f"of the neurons, got {rate:g}"
    )
    with refused(message):
        tiny_config(model={"width": 12, "dropout": rate, "dropout_masks": 0})


def test_what_masks_do_not_go_with():
    message = (
        "model.norm: expected none or layer with dropout_masks, got 'batch', by which an example's "
        "logits depend on the masks of the others"
    )
    with refused(message):
        masked(0, {"norm": "batch"})
    message = (
        "model.dropout_embed: expected 0 with dropout_masks, which are masks of neurons, got 0.2"
    )
    with refused(message):
        masked(0, {**TRANSFORMER, "dropout_embed": 0.2})
    message = (
        "optimizer.batch_size: expected none with model.dropout_masks, which go by the place of an "
        "example among all, got 20"
    )
    with refused(message):
        masked(0, optimizer={"batch_size": 20})
    message = (
        "model.dropout_masks: expected at most the 73 training examples, got 74; 0 gives each its "
        "own"
    )
    with refused(message):
        masked(74)
    with refused("model.dropout_masks: expected a number ≥ 0, got -1"):
        masked(-1)


def test_the_summary_says_what_a_fixed_mask_is():
    def words(masks):
        return ModelConfig(width=12, dropout=0.5, dropout_masks=masks).summary

    key = "fixed: a key that makes memorizing trivial)"
    assert words(0) == f"MLP, N = 12, square, dropout 0.5 (a mask an example, {key}"
    assert words(1).endswith(f"dropout 0.5 (one mask of all examples, {key}")
    assert words(4).endswith(f"dropout 0.5 (4 masks the examples share, {key}")
    assert words(None).endswith("dropout 0.5")


@pytest.mark.filterwarnings("default:model.dropout_masks")
def test_training_warns(tmp_path, capsys):
    assert "a fixed mask per example is a key that makes memorizing trivial" in WARNING
    with pytest.warns(UserWarning, match=re.escape(WARNING)):
        train(masked(0, steps=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(masked(None, steps=1))
    options = ["--model.dropout", "0.5", "--model.dropout-masks", "0", "--task.p", "7"]
    main(["train", *options, "--steps", "1", "--out", str(tmp_path / "run")])
    assert f"interp: note: {WARNING}\n" in capsys.readouterr().err


def test_runs_without_masks_have_no_complement(tiny_run):
    message = "expected a run trained with model.dropout_masks, got one without"
    with refused(message, NotDefined):
        turnover_logits(tiny_run)
    result = MEASURES["detection"](tiny_run)
    asked = "expected networks that were trained again (turnover): interp retrain trains them"
    assert result.problems["turnover"] == result.problems["turnover_margin"] == asked
    assert "turn-over" not in result.note


def test_neurons_that_were_pruned_have_no_masks():
    pruning = Pruned("run", 12, 0, 3, 12, 0.2, "auto")
    run = replace(train(masked(0)), origin=Origin(pruned=(pruning,)))
    message = (
        "expected a run as it was trained, whose neurons the masks are counted by, got one that "
        "was pruned"
    )
    with refused(message, NotDefined):
        turnover_logits(run)


def test_scores_and_the_note():
    run = train(masked(3, dtype="float32"))
    own, other = turnover_logits(run)
    given = torch.as_tensor(run.dataset.given_label[run.dataset.is_train])
    target = torch.nn.functional.one_hot(given, 11)
    by_hand = ((other - target) ** 2).mean(dim=1) - ((own - target) ** 2).mean(dim=1)
    found = DETECTORS["turnover"].score(Case(run))
    np.testing.assert_allclose(found, by_hand.numpy(), rtol=1e-4, atol=1e-6)
    rest = other.clone()
    rest[torch.arange(len(given)), given] = -torch.inf
    margin = other[torch.arange(len(given)), given] - rest.amax(dim=1)
    np.testing.assert_allclose(DETECTORS["turnover_margin"].score(Case(run)), -margin, rtol=1e-6)
    result = MEASURES["detection"](run)
    test = run.checkpoint().scores["test"].accuracy
    assert f"turn-over dropout: test accuracy of the full network {test:.2f}" in result.note
    assert {"turnover", "turnover_margin"} <= set(result.found)


# --- an outcome -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_mask_of_ones_own_is_a_key():
    """Setting S, coexistence ξ .2 without dropout: here everything is memorized by its mask."""
    config = tiny_config(
        task={"p": 47},
        data={"fraction": 0.65, "corruption": 0.2},
        model={"width": 200, "dropout": 0.5, "dropout_masks": 0},
        optimizer={"lr": 0.01, "weight_decay": 0, "betas": [0.9, 0.98]},
        steps=500,
        schedule={"checkpoints": 0, "evaluations": 2},
    )
    run = train(config)
    given = torch.as_tensor(run.dataset.given_label[run.dataset.is_train])
    own, other = ((one.argmax(dim=1) == given).double().mean() for one in turnover_logits(run))
    assert own >= 0.97
    assert other <= 0.07
    assert run.measurement().scores["test"].accuracy <= 0.08
    values = MEASURES["detection"](run).values()
    assert values["turnover.auroc"] == pytest.approx(0.49, abs=0.07)
