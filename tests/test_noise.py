"""The parts of a training step: dropout's bits, norms, looked-up rows, losses and minibatches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from interp.training.data.dataset import Dataset, make_dataset
from interp.training.losses.loss import LOSSES
from interp.training.models.layers import noise as noise_module
from interp.training.models.layers.lookup import _gathered, _gathered_backward, sum_of_rows
from interp.training.models.layers.noise import Noise, dropout_key
from interp.training.models.layers.norm import BatchNorm, LayerNorm
from interp.training.tasks.task import make_task
from interp.training.trainer.batches import Examples, label_places

CPU = torch.device("cpu")


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.as_tensor(generator(seed).normal(size=shape)).to(dtype)


# Dropout


def noise_of(
    key: int | list[int] = 1, rate: float | list[float] = 0.3, step: int = 0, active: bool = True
) -> Noise:
    return Noise(
        torch.tensor(key, dtype=torch.int32),
        torch.tensor(rate, dtype=torch.float64),
        torch.tensor(step, dtype=torch.int32),
        active,
    )


def lowbias32(x: int) -> int:
    """C. Wellons' hash of 32-bit numbers (https://nullprogram.com/blog/2018/07/31/), in C's
    arithmetic: xor-shift, multiply, xor-shift, multiply, xor-shift."""
    x &= 0xFFFFFFFF
    x ^= x >> 16
    x = x * 0x7FEB352D & 0xFFFFFFFF
    x ^= x >> 15
    x = x * 0x846CA68B & 0xFFFFFFFF
    return x ^ x >> 16


def kept_by_hand(
    key: int, step: int, layer: int, example: int, neuron: int, neurons: int, rate: float
) -> bool:
    """The hash of step and layer, then of the key, then of the place; the lowest are dropped."""
    golden = 0x9E3779B9  # 2³² over the golden ratio, odd
    salt = lowbias32(lowbias32(step + golden * layer) ^ key & 0xFFFFFFFF)
    return lowbias32(lowbias32(example * neurons + neuron) ^ salt) >= rate * 2**32


CASES = [
    (0, 0, 0, 0.5),
    (1, 0, 0, 0.3),
    (-1, 7, 0, 0.3),
    (-(2**31), 1, 3, 0.9),
    (2**31 - 1, 10**9, 31, 0.01),
    (123456789, 4 * 10**8 + 3, 1, 0.75),
    (5, 3, 255, 0.3),
]


def test_the_hash_by_its_authors_constants():
    """Also values that C gives: 0 stays 0, and every bit of 1 spreads."""
    values = [0, 1, 2, 97, 2**16, 2**31 - 1, -(2**31), -1, -123456789]
    found = noise_module._mixed(torch.tensor(values, dtype=torch.int32))
    assert (found.to(torch.int64) % 2**32).tolist() == [lowbias32(value) for value in values]
    assert found[0] == 0 and bin(int(found[1]) % 2**32).count("1") > 8


@pytest.mark.parametrize(("key", "step", "layer", "rate"), CASES)
def test_dropout_is_the_hash_in_whole_numbers(key, step, layer, rate):
    examples, neurons = 13, 7
    found = noise_of(key, rate, step).factor(examples, neurons, layer, torch.float64)
    kept = np.array(
        [
            [
                kept_by_hand(key, step, layer, example, neuron, neurons, rate)
                for neuron in range(neurons)
            ]
            for example in range(examples)
        ]
    )
    # 1 / (1 − rate) may be rounded once more.
    np.testing.assert_allclose(found.numpy(), kept / (1 - rate), rtol=1e-15)


@pytest.mark.parametrize("first", [1, 5, 300])
def test_rows_can_be_asked_for_apart(first):
    """As the hand-written gradient does, which passes examples in blocks."""
    noise = noise_of(77, 0.4, 3)
    whole = noise.factor(first + 6, 9, 1, torch.float32)
    assert torch.equal(noise.factor(6, 9, 1, torch.float32, first=first), whole[first:])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("first", [0, 7])
def test_other_devices_draw_the_bits_that_a_cpu_draws(dtype, first):
    """The tensor operations of a GPU against the compiled pass, with and without a run axis."""
    for key, rate in ((-5, 0.3), ([3, -(2**31), 77], [0.0, 0.5, 0.99])):
        noise = noise_of(key, rate, step=11)
        compiled = noise.factor(6, 5, 2, dtype, first=first)
        torch.testing.assert_close(
            noise._by_tensors(6, 5, 2, dtype, first * 5), compiled, rtol=0, atol=0
        )


@pytest.mark.parametrize("rate", [0.0, 0.001, 0.2, 0.5, 0.9, 0.999])
def test_share_of_dropped_neurons_is_the_rate_and_the_mean_is_kept(rate):
    """A count of n draws is within five of its standard deviations, sqrt(n r (1 − r))."""
    factor = noise_of(dropout_key(0), rate, 17).factor(500, 400, 0, torch.float64)
    n = factor.numel()
    dropped = int((factor == 0).sum())
    assert abs(dropped - n * rate) <= 5 * (n * rate * (1 - rate)) ** 0.5
    # A kept value is scaled up: the mean's standard deviation is that of the count, over 1 − r.
    spread = 5 * (rate / (1 - rate) / n) ** 0.5
    assert factor.mean().item() == pytest.approx(1, abs=spread + 1e-12)
    values = normal(500, 400) + 3
    kept = noise_of(dropout_key(0), rate, 17).drop(values, 0)
    torch.testing.assert_close(kept, values * factor, rtol=0, atol=0)


def test_masks_of_other_steps_layers_and_keys_are_unrelated():
    """So are those of neighbouring examples and neurons; correlations have size 1/sqrt(n)."""
    masks = {
        (seed, step, layer): noise_of(dropout_key(seed), 0.5, step)
        .factor(256, 256, layer, torch.float64)
        .flatten()
        for seed in (0, 1, 2)
        for step in (0, 1, 2, 3, 1000)
        for layer in (0, 1, 2)
    }
    table = torch.stack(list(masks.values()))
    n = table.shape[1]
    bound = 5 / n**0.5
    pairs = np.corrcoef(table.numpy())[np.triu_indices(len(table), 1)]
    assert len(pairs) == 45 * 44 / 2
    assert np.abs(pairs).max() < bound
    # Their squares have mean 1/n; the standard error of 990 of them is 1/n · sqrt(2/990).
    assert (pairs**2).mean() * n == pytest.approx(1, abs=5 * (2 / 990) ** 0.5)
    mask = table[0].view(256, 256).numpy() - table[0].mean().item()
    for shifted in (np.roll(mask, 1, 0), np.roll(mask, 1, 1), mask.T):
        assert abs((mask * shifted).mean() / mask.var()) < bound


def test_each_run_drops_its_own():
    keys, rates = [5, -6, 7], [0.5, 0.0, 0.9]
    together = noise_of(keys, rates, 4).factor(11, 8, 2, torch.float64)
    for run, (key, rate) in enumerate(zip(keys, rates, strict=True)):
        alone = noise_of(key, rate, 4).factor(11, 8, 2, torch.float64)
        assert torch.equal(together[run], alone)
    assert (together[1] == 1).all()


def test_without_a_rate_nothing_is_done():
    values = normal(3, 4)
    assert noise_of(rate=0.0, active=False).drop(values, 0) is values


def test_keys_of_seeds():
    keys = [dropout_key(seed) for seed in range(200)]
    assert len(set(keys)) == 200
    assert min(keys) < 0 < max(keys) and all(-(2**31) <= key < 2**31 for key in keys)


# Norms

TRAINING = noise_of(rate=0.0, active=False)


def filled(norm: torch.nn.Module, seed: int, runs: int | None = None) -> torch.nn.Module:
    """A norm with weights of its own, as wide as it is or with a run axis."""
    random = generator(seed)
    for name, weight in list(norm.named_parameters()):
        shape = (runs, *weight.shape) if runs else tuple(weight.shape)
        setattr(norm, name, torch.nn.Parameter(torch.as_tensor(random.normal(size=shape))))
    for name, buffer in list(norm.named_buffers()):
        shape = (runs, *buffer.shape) if runs else tuple(buffer.shape)
        setattr(norm, name, buffer.double().expand(shape).clone())
    return norm.double()


def torch_norm(ours: torch.nn.Module, run: int | None = None) -> torch.nn.Module:
    """torch's own norm with the weights of ours, or of one of its runs."""
    features = ours.w.shape[-1]
    kind = torch.nn.BatchNorm1d if isinstance(ours, BatchNorm) else torch.nn.LayerNorm
    theirs = kind(features, eps=1e-5).double()
    with torch.no_grad():
        theirs.weight.copy_(ours.w if run is None else ours.w[run])
        theirs.bias.copy_(ours.b if run is None else ours.b[run])
    return theirs


def same(found: Tensor, expected: Tensor) -> None:
    """Equal to float64 rounding, which subtracting a mean amplifies a little."""
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)


def check_outputs_and_gradients(ours, theirs, values: Tensor, noise: Noise | None) -> None:
    weight = normal(*values.shape, seed=9)
    found_at, expected_at = values.clone().requires_grad_(), values.clone().requires_grad_()
    found, expected = ours(found_at, noise), theirs(expected_at)
    same(found, expected)
    a = torch.autograd.grad((found * weight).sum(), [found_at, ours.w, ours.b])
    b = torch.autograd.grad((expected * weight).sum(), [expected_at, theirs.weight, theirs.bias])
    for one, other in zip(a, b, strict=True):
        same(one, other)


@pytest.mark.parametrize("examples", [2, 30])
def test_batch_norm_is_torchs(examples):
    """Outputs, gradients and running statistics, over several batches of different size."""
    ours = filled(BatchNorm(6), 1)
    theirs = torch_norm(ours)
    for batch in range(4):
        values = normal(examples + batch, 6, seed=batch) * (batch + 1) + 3
        theirs.train()
        check_outputs_and_gradients(ours, theirs, values, TRAINING)
        same(ours.mean, theirs.running_mean)
        same(ours.var, theirs.running_var)
        theirs.eval()
        check_outputs_and_gradients(ours, theirs, values, None)
    assert (ours.mean - 3).abs().max() < 2.5 and (ours.var != 1).all(), "they have moved"


def test_evaluating_leaves_the_running_statistics_alone():
    ours = filled(BatchNorm(4), 2)
    ours(normal(9, 4), TRAINING)
    before = ours.mean.clone(), ours.var.clone()
    ours(normal(9, 4) + 100, None)
    assert torch.equal(ours.mean, before[0]) and torch.equal(ours.var, before[1])


def test_scale_of_batch_norm_is_its_gain_in_evaluation():
    ours = filled(BatchNorm(4), 2)
    ours(normal(9, 4) * 5, TRAINING)
    values = normal(7, 4)
    same(ours(values + 1) - ours(values), ours.scale().expand(7, 4))


def test_layer_norm_is_torchs():
    ours = filled(LayerNorm(6), 3)
    for values in (normal(5, 6) * 7 - 2, normal(5, 3, 6)):
        for noise in (TRAINING, None):
            check_outputs_and_gradients(ours, torch_norm(ours), values, noise)


@pytest.mark.parametrize("kind", [BatchNorm, LayerNorm])
def test_norms_of_runs_are_those_of_each(kind):
    ours = filled(kind(6), 4, runs=3)
    apart = [torch_norm(ours, run) for run in range(3)]
    for batch in range(3):
        values = normal(3, 10, 6, seed=batch) * 2 + torch.arange(3.0)[:, None, None]
        values.requires_grad_()
        for training in (True, False):
            for norm in apart:
                norm.train(training)
            found = ours(values, TRAINING if training else None)
            expected = torch.stack([norm(values[run]) for run, norm in enumerate(apart)])
            same(found, expected)
            weight = normal(3, 10, 6, seed=8)
            a = torch.autograd.grad((found * weight).sum(), [values, ours.w, ours.b])
            theirs = [p for norm in apart for p in (norm.weight, norm.bias)]
            b = torch.autograd.grad((expected * weight).sum(), [values, *theirs])
            same(a[0], b[0])
            same(a[1], torch.stack(b[1::2]))
            same(a[2], torch.stack(b[2::2]))
    if kind is BatchNorm:
        same(ours.mean, torch.stack([norm.running_mean for norm in apart]))
        same(ours.var, torch.stack([norm.running_var for norm in apart]))


def test_layer_norm_of_runs_takes_any_number_of_axes():
    ours = filled(LayerNorm(6), 5, runs=2)
    values = normal(2, 4, 3, 6)
    expected = torch.stack([torch_norm(ours, run)(values[run]) for run in range(2)])
    same(ours(values), expected)


# Rows of tables


def one_hot_product(table: Tensor, index: Tensor, weights: Tensor | None) -> Tensor:
    """A matrix with a weight in the column of each index, times the table."""
    rows = table.shape[-2]
    chosen = torch.nn.functional.one_hot(index, rows).to(table.dtype)
    matrix = (chosen if weights is None else chosen * weights.unsqueeze(-1)).sum(dim=-2)
    return matrix @ table


def drawn_index(*shape: int, rows: int, seed: int = 0) -> Tensor:
    return torch.as_tensor(generator(seed).integers(rows, size=shape))


LOOKUPS = {
    "one run": (),
    "three runs": (3,),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("runs", LOOKUPS.values(), ids=LOOKUPS)
@pytest.mark.parametrize(
    ("examples", "count", "columns"),
    # The last two are many enough to be compiled, the last one enough for threads.
    [(20, 2, 16), (1, 1, 1), (40, 5, 3), (30, 9, 17), (500, 9, 240)],
)
def test_sum_of_rows_is_a_product_with_one_hot_vectors(
    examples, count, columns, runs, weighted, dtype
):
    """Values and gradients; indices that repeat within an example, and rows never asked for."""
    table = normal(*runs, 7, columns, dtype=dtype).requires_grad_()
    index = drawn_index(*runs, examples, count, rows=6)
    weights = normal(*runs, examples, count, seed=1, dtype=dtype) if weighted else None
    inputs = [table] if weights is None else [table, weights.requires_grad_()]
    found, expected = sum_of_rows(table, index, weights), one_hot_product(table, index, weights)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-4  # hundreds of terms cancel
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    upstream = normal(*found.shape, seed=2, dtype=dtype)
    a = torch.autograd.grad(found, inputs, upstream)
    b = torch.autograd.grad(expected, inputs, upstream)
    for one, other in zip(a, b, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("runs", LOOKUPS.values(), ids=LOOKUPS)
def test_sum_of_rows_has_the_gradient_of_its_differences(runs):
    table, index = normal(*runs, 5, 3).requires_grad_(), drawn_index(*runs, 6, 2, rows=5)
    weights = normal(*runs, 6, 2, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda t: sum_of_rows(t, index), (table,))
    assert torch.autograd.gradcheck(lambda t, w: sum_of_rows(t, index, w), (table, weights))


@pytest.mark.parametrize("columns", [slice(1, 3), slice(1, 2)])
def test_sum_of_rows_takes_strided_arguments(columns):
    """Slices and transposes; torch's kernel reads what is strided as if it were dense."""
    table = normal(8, 9).T[::2].detach().requires_grad_()
    index = drawn_index(30, 4, rows=5)[:, columns]
    weights = normal(30, 4, seed=1)[:, columns].requires_grad_()
    assert not (table.is_contiguous() or index.is_contiguous() or weights.is_contiguous())
    upstream = normal(8, 30, seed=3).T
    for inputs in ([table], [table, weights]):
        found = sum_of_rows(table, index, *inputs[1:])
        expected = one_hot_product(table, index, weights if inputs[1:] else None)
        same(found, expected)
        a, b = (torch.autograd.grad(out, inputs, upstream) for out in (found, expected))
        for one, other in zip(a, b, strict=True):
            same(one, other)


@pytest.mark.parametrize("weighted", [True, False])
def test_gathers_of_other_devices_give_the_same_gradient(weighted):
    """The way back on a GPU, called by hand on a CPU."""
    table, index = normal(7, 4).requires_grad_(), drawn_index(20, 3, rows=6)
    weights = normal(20, 3, seed=1).requires_grad_() if weighted else None
    upstream = normal(20, 4, seed=2)
    expected = torch.autograd.grad(
        one_hot_product(table, index, weights),
        [table, *([] if weights is None else [weights])],
        upstream,
    )
    plain = None if weights is None else weights.detach()
    with torch.no_grad():
        same(_gathered(table, index, plain), one_hot_product(table, index, plain))
    dense, nothing, of_weights = _gathered_backward(
        upstream, table.detach(), index, None if weights is None else weights.detach()
    )
    assert nothing is None
    same(dense, expected[0])
    if weights is None:
        assert of_weights is None
    else:
        same(of_weights, expected[1])


# Losses


@pytest.mark.parametrize("runs", LOOKUPS.values(), ids=LOOKUPS)
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_loss_and_its_gradient_are_torchs(loss, runs):
    examples, answers = 9, 5
    logits = (normal(*runs, examples, answers) * 4).requires_grad_()
    labels = drawn_index(*runs, examples, rows=answers, seed=4)
    flat, targets = logits.view(-1, examples, answers), labels.view(-1, examples)
    expected = []
    for one, label in zip(flat, targets, strict=True):
        if loss == "mse":
            target = torch.nn.functional.one_hot(label, answers).double()
            expected.append(torch.nn.functional.mse_loss(one, target))
        else:
            expected.append(torch.nn.functional.cross_entropy(one, label))
    (gradient,) = torch.autograd.grad(sum(expected), logits)
    buffer = logits.detach().clone()
    sums = LOSSES[loss].into_gradient(buffer, label_places(labels, answers))
    assert sums.shape == runs
    same(sums / LOSSES[loss].terms(examples, answers), torch.stack(expected).view(runs).detach())
    same(buffer * LOSSES[loss].scale(examples, answers), gradient)


def test_cross_entropy_of_runs_keeps_its_gradient_at_certainty():
    """p(label) − 1 = −e^(−20) at a lead of 20, which float32 would round to zero."""
    logits = torch.zeros(2, 1, 2)
    logits[1, 0, 1] = 20
    places = label_places(torch.tensor([[1], [1]]), 2)
    LOSSES["cross_entropy"].into_gradient(logits, places)
    expected = -1 / (1 + np.exp(20))
    assert logits[1, 0, 1].item() == pytest.approx(expected, rel=1e-5)
    assert logits[0, 0].tolist() == [0.5, -0.5]


# Minibatches


def dataset_of(seed: int = 0, fraction: float = 0.6) -> Dataset:
    return make_dataset(make_task("x + y", 11), fraction, 0.4, split_seed=seed)


def rows_at(examples: Examples, step: int) -> list[tuple[int, int, int]]:
    """(first operand, second, label) of each example of a step's batch."""
    examples.move_to(step)
    labels = examples.label_at.view(-1, examples.count) % examples.answers
    places = examples.label_at.view(-1) // examples.answers
    assert places.tolist() == list(range(places.numel())), "each label in its own row"
    pairs = examples.pairs.view(-1, examples.count, 2)
    return [
        (*pair, label) for pair, label in zip(pairs[0].tolist(), labels[0].tolist(), strict=True)
    ]


def training_rows(data: Dataset) -> set[tuple[int, int, int]]:
    pairs, labels = data.pairs[data.is_train], data.given_label[data.is_train]
    return {(int(m), int(n), int(label)) for (m, n), label in zip(pairs, labels, strict=True)}


def batches(seed: int = 0, batch_size: int | None = 10, data: Dataset | None = None) -> Examples:
    return Examples([data or dataset_of()], [seed], batch_size, CPU, run_axis=False)


@pytest.mark.parametrize("batch_size", [1, 10, 36, 37, 72])
def test_minibatches_of_an_epoch_share_no_example(batch_size):
    """73 examples; those left over, less than a batch, are other ones in other epochs."""
    data = dataset_of()
    examples, truth = batches(3, batch_size, data), training_rows(data)
    assert examples.total == len(truth) == 73
    an_epoch = 73 // batch_size
    epochs = []
    for epoch in range(4):
        drawn = [
            row for place in range(an_epoch) for row in rows_at(examples, epoch * an_epoch + place)
        ]
        assert len(drawn) == len(set(drawn)) == an_epoch * batch_size
        assert set(drawn) <= truth
        epochs.append(drawn)
    assert len({tuple(drawn) for drawn in epochs}) == 4, "a new order each"
    left = [truth - set(drawn) for drawn in epochs]
    assert {len(one) for one in left} == {73 - an_epoch * batch_size}
    if left[0]:
        assert len(set(map(frozenset, left))) > 1


def test_every_example_has_its_turn():
    """Each is left out of an epoch with probability 3/73; 20 epochs leave none out."""
    data = dataset_of()
    examples = batches(0, 10, data)
    drawn = {row for step in range(7 * 20) for row in rows_at(examples, step)}
    assert drawn == training_rows(data)


@pytest.mark.parametrize("start", [0, 3, 6, 7, 8, 700])
def test_minibatches_go_on_from_any_step(start):
    """Nothing has to be remembered: the seed and the step are enough."""
    through = batches(5)
    for step in range(max(0, start - 9), start):
        through.move_to(step)
    fresh = batches(5)
    for step in range(start, start + 9):
        assert rows_at(fresh, step) == rows_at(through, step)
    back = rows_at(fresh, start)
    assert back == rows_at(batches(5), start)


def test_the_seed_of_batches_moves_their_order():
    one, other = ([rows_at(batches(seed), step) for step in range(7)] for seed in (1, 2))
    assert one != other


@pytest.mark.parametrize("batch_size", [None, 73])
def test_all_examples_at_once_stay_in_order(batch_size):
    data = dataset_of()
    examples = batches(0, batch_size, data)
    assert examples.count == 73
    expected = data.pairs[data.is_train], data.given_label[data.is_train]
    for step in (0, 1, 50):
        rows = np.array(rows_at(examples, step))
        np.testing.assert_array_equal(rows[:, :2], expected[0])
        np.testing.assert_array_equal(rows[:, 2], expected[1])


@pytest.mark.parametrize("batch_size", [None, 10])
def test_runs_have_minibatches_of_their_own(batch_size):
    data, seeds = [dataset_of(0), dataset_of(1), dataset_of(0)], [4, 5, 6]
    together = Examples(data, seeds, batch_size, CPU, run_axis=True)
    for step in (0, 5, 8):
        together.move_to(step)
        assert together.pairs.shape == (3, together.count, 2)
        for run in range(3):
            alone = batches(seeds[run], batch_size, data[run])
            alone.move_to(step)
            assert torch.equal(together.pairs[run], alone.pairs)
            size = together.count
            own = together.label_at[run * size : (run + 1) * size] - run * size * 11
            assert torch.equal(own, alone.label_at)
