"""Compiled steps: the numbers of autograd and torch's AdamW, however many are made in a call."""

from __future__ import annotations

import itertools
import signal
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
import torch
from numba import njit
from scipy.special import ndtr

from interp.training.config.run_config import RunConfig, parse_config
from interp.training.evaluation import scores
from interp.training.models.layers import dropout_bits
from interp.training.trainer.cohort import Cohort
from interp.training.trainer.compiled import blas, bound, kernel, neurons, steps, threads
from interp.training.trainer.loop import (
    DivergenceError,
    Interrupted,
    dataset_of,
    train,
    train_many,
)

CPU = torch.device("cpu")
EVERYTHING = {"norm": "batch", "dropout": 0.3, "bias": True, "activation": "gelu"}
# Ways to train, each with something that the next step depends on.
WAYS = {
    "plain": {},
    "in minibatches": {"optimizer.batch_size": 20},
    "everything": {
        **{f"model.{key}": value for key, value in EVERYTHING.items()},
        "optimizer": {"batch_size": 20, "warmup": 50, "lr_schedule": "cosine"},
        "loss": "cross_entropy",
    },
}


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Runs of 200 steps, which are over before they would be compiled, are compiled here."""
    assert steps._LEAST_STEPS == 500
    monkeypatch.setattr(steps, "_LEAST_STEPS", 200)


def config_of(changes: dict | None = None, **model: object) -> RunConfig:
    config = parse_config(
        {
            "task": {"p": 11},
            "data": {"fraction": 0.6, "corruption": 0.3},
            "model": {"width": 12, **model},
            "optimizer": {"weight_decay": 0.5},
            "schedule": {"evaluations": 6, "checkpoints": 4},
            "steps": 200,
        }
    )
    return config.replace(changes) if changes else config


def cohort_of(config: RunConfig, compiled: bool = True) -> Cohort:
    with pytest.MonkeyPatch.context() as patch:
        if not compiled:
            patch.setattr(steps, "fits", lambda *_: False)
        cohort = Cohort([config], [dataset_of(config)], CPU)
    assert (cohort.at_once > 1) == compiled
    return cohort


def advanced(config: RunConfig, compiled: bool = True, sizes: tuple[int, ...] = (37, 1, 62)):
    """Losses of 100 steps, and every tensor of the network and the optimizer after them."""
    cohort = cohort_of(config, compiled)
    if compiled:
        losses = torch.cat([cohort.advance_by(size) for size in sizes])[:, 0]
    else:
        losses = torch.cat([cohort.advance() for _ in range(sum(sizes))])
    assert cohort.step == sum(sizes)
    state = {name: one.numpy() for name, one in cohort.networks[0].state_dict().items()}
    return losses.double().numpy(), state | cohort.optimizer_arrays(0)


def assert_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray], allowed: float) -> None:
    assert one.keys() == other.keys()
    for name, array in other.items():
        np.testing.assert_allclose(one[name], array, rtol=0, atol=allowed, err_msg=name)
        assert one[name].dtype == array.dtype and one[name].shape == array.shape


@pytest.mark.parametrize("norm", ["none", "batch before", "batch after"])
@pytest.mark.parametrize("phi", ["square", "relu", "gelu"])
def test_as_autograd_and_torchs_optimizer(phi, norm):
    """Every kind of network, dropout, loss and batch; float64, so that rounding stays small."""
    ways = itertools.product((False, True), (0, 0.3), ("pre", "post"), (None, 20))
    for (bias, rate, at, batch), loss in itertools.product(ways, ("mse", "cross_entropy")):
        optimizer = {"warmup": 10, "lr_schedule": "cosine", "rates": {"*.W_U": 0.5}}
        model = {"bias": bias, "dropout": rate, "dropout_at": at, "output_scale": 1.5}
        model |= {"activation": phi, "norm": norm.split()[0]}
        model |= {"norm_at": "pre" if norm == "batch before" else "post"}
        further = {"dtype": "float64", "loss": loss, "optimizer.weight_decay": 1.0}
        changes = {f"optimizer.{key}": value for key, value in optimizer.items()}
        config = config_of({**changes, **further, "optimizer.batch_size": batch}, **model)
        losses, state = advanced(config)
        expected_losses, expected = advanced(config, compiled=False)
        np.testing.assert_allclose(losses, expected_losses, rtol=0, atol=1e-12)
        if norm == "batch before" and bias:
            # The norm takes a bias before it away again: its gradient is 0, its sign is rounding,
            # and AdamW divides by its size. It moves by less than the denominator's offset allows.
            moved = {name for name in state if "b_in" in name or name.endswith("norm.mean")}
            assert_same({n: state[n] for n in moved}, {n: expected[n] for n in moved}, 1e-6)
            state, expected = (
                {name: one for name, one in side.items() if name not in moved}
                for side in (state, expected)
            )
        assert_same(state, expected, 1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("way", WAYS)
def test_how_many_steps_are_in_a_call_changes_no_bit(way, dtype):
    config = config_of({**WAYS[way], "dtype": dtype})
    losses, state = advanced(config)
    for sizes in ((100,), (1,) * 100, (50, 50)):
        others, other = advanced(config, sizes=sizes)
        np.testing.assert_array_equal(others, losses)
        assert_same(other, state, 0)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("norm_at", ["pre", "post"])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_scores_are_those_of_the_network(loss, norm_at, parts, monkeypatch):
    """Of every split, with running statistics and without dropout; a tie is not right."""
    monkeypatch.setattr(steps, "_WORK_A_THREAD", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: parts)
    model = EVERYTHING if parts == 1 else {"bias": True, "dropout": 0.2}
    config = config_of({"loss": loss, "dtype": "float64"}, **model, norm_at=norm_at)
    cohort = cohort_of(config)
    for size in (30, 70):
        cohort.advance_by(size)
        (found,) = cohort.measure()
        expected = scores(cohort.networks[0], dataset_of(config), loss)
        assert found.scores.values() == pytest.approx(expected.values(), rel=1e-12)
    for weight in cohort.networks[0].parameters():
        weight.data.zero_()
    values = cohort.measure()[0].scores.values().items()
    assert {value for name, value in values if name.endswith("accuracy")} == {0.0}


@pytest.mark.parametrize("parts", [2, 3])
@pytest.mark.parametrize("way", ["plain", "in minibatches"])
def test_threads_share_a_step(way, parts, monkeypatch):
    """The same to rounding as alone, and the same to the bit each time."""
    config = config_of({**WAYS[way], "dtype": "float64", "model.bias": True, "model.dropout": 0.2})
    losses, state = advanced(config)
    monkeypatch.setattr(steps, "_WORK_A_THREAD", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: parts)
    several, shared = advanced(config)
    np.testing.assert_allclose(several, losses, rtol=0, atol=1e-12)
    assert_same(shared, state, 1e-10)
    assert any((shared[name] != state[name]).any() for name in state), "in another order"
    again, same = advanced(config)
    np.testing.assert_array_equal(again, several)
    assert_same(same, shared, 0)


def test_rows_in_blocks_are_the_same_to_rounding(monkeypatch):
    config = config_of({"dtype": "float64", "model.dropout": 0.3, "loss": "cross_entropy"})
    losses, state = advanced(config)
    monkeypatch.setattr(bound, "_SMALL_PRODUCT", 0)
    monkeypatch.setattr(bound, "_BLOCK_VALUES", 0)
    monkeypatch.setattr(bound, "_FEWEST", 7)
    in_blocks, found = advanced(config)
    np.testing.assert_allclose(in_blocks, losses, rtol=0, atol=1e-12)
    assert_same(found, state, 1e-10)


def test_no_thread_waits_for_one_that_cannot_start(monkeypatch):
    """Those that did start end without their work, which waits for all."""
    submit = threads.ThreadPoolExecutor.submit

    def second_fails(pool, task, part):
        if part == 2:
            raise RuntimeError("can't start new thread")
        return submit(pool, task, part)

    monkeypatch.setattr(threads.ThreadPoolExecutor, "submit", second_fails)
    begun: list[int] = []
    with pytest.raises(RuntimeError, match="can't start new thread"):
        threads.together(lambda part: begun.append(part), 3)
    assert begun == []


# A run


def press_after(monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
    """Presses Ctrl-C while the steps of a call are made."""
    made, advance = iter(range(10**6)), steps.CompiledSteps.advance

    def pressed(self, *where):
        if next(made) == calls:
            signal.raise_signal(signal.SIGINT)
        return advance(self, *where)

    monkeypatch.setattr(steps.CompiledSteps, "advance", pressed)


def assert_resumes_to_the_bit(
    config: RunConfig, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted twice, a run has the weights and scores of one that was not."""
    expected = train(config)
    for calls in (13, 60):
        with monkeypatch.context() as patch:
            patch.setattr(steps, "_WORK_A_CALL", 1)  # a step a call, so that it stops in between
            press_after(patch, calls)
            with pytest.raises(Interrupted, match="stopped at step"):
                train(config, folder)
    found = train(config, folder)
    for step in expected.steps:
        assert_same(dict(found.weights[step]), dict(expected.weights[step]), 0)
    scores = {row.step: row for row in found.measurements}
    assert all(scores[row.step] == row for row in expected.measurements)


@pytest.mark.parametrize("way", WAYS)
def test_a_resumed_run_is_bit_identical(way, tmp_path, monkeypatch):
    config = config_of(WAYS[way])
    assert_resumes_to_the_bit(config, tmp_path / "run", monkeypatch)


def test_who_watches_sees_every_step_and_changes_nothing():
    config = config_of(WAYS["everything"])
    expected, seen, called = train(config), [], []
    with_progress = train(config, progress=lambda step, _: seen.append(step))
    with_callback = train(config, callbacks=lambda step, *_: called.append(step))
    assert seen == called == list(range(201))
    for found in (with_progress, with_callback):
        assert_same(dict(found.weights[200]), dict(expected.weights[200]), 0)


class Seldom:
    """Wants some steps only."""

    def __init__(self, every):
        self.every, self.seen = every, []

    def wants(self, step):
        return step % self.every == 0

    def __call__(self, step, *_):
        self.seen.append(step)


def test_who_wants_some_steps_lets_the_others_be_made_at_once(monkeypatch):
    config = config_of(WAYS["everything"])
    expected, calls = train(config), []
    once = Cohort.advance_by
    monkeypatch.setattr(Cohort, "advance_by", lambda s, n: calls.append(n) or once(s, n))
    progress, callback = Seldom(70), Seldom(50)
    found = train(config, progress=progress, callbacks=callback)
    assert_same(dict(found.weights[200]), dict(expected.weights[200]), 0)
    assert callback.seen == [0, 50, 100, 150, 200]
    assert {70, 140} <= set(progress.seen)
    assert len(calls) < 60 and sum(calls) == 200


def test_members_of_a_cohort_come_out_as_alone():
    configs = [config_of({"seed": seed, "optimizer.lr": 0.01 * (seed + 1)}) for seed in range(3)]
    for config, found in zip(configs, train_many(configs), strict=True):
        assert_same(dict(found.weights[200]), dict(train(config).weights[200]), 0)


def assert_diverges_as_autograd(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same words, which name the step."""
    with pytest.raises(DivergenceError, match="no longer finite at step") as found:
        train(config)
    monkeypatch.setattr(steps, "fits", lambda *_: False)
    with pytest.raises(DivergenceError) as expected:
        train(config)
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("phi", ["square", "relu", "gelu"])
def test_divergence_is_told_at_its_step(phi, monkeypatch):
    """By name of the step that autograd finds too; a NaN does not vanish where ReLU is 0."""
    config = config_of({"optimizer.lr": 1e20, "model.activation": phi, "dtype": "float64"})
    assert_diverges_as_autograd(config, monkeypatch)


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 199},
        {"model.depth": 3},
        {"model.norm": "layer"},
        {"model.activation": "tanh"},
        {"model.dropout": 0.5, "model.dropout_masks": 2},
        {"optimizer.name": "adam"},
        {"precision": "medium"},
        {"model.width": steps._MOST},
    ],
)
def test_what_is_not_compiled(changes):
    config = config_of(changes)
    assert not steps.fits(config, int(dataset_of(config).is_train.sum()))
    assert steps.fits(config_of(), 72)


# Numbers


@pytest.mark.parametrize(("dtype", "allowed"), [(np.float64, 2e-14), (np.float32, 3e-7)])
def test_gelu_and_its_slope(dtype, allowed):
    """Against scipy's Φ, relative also in the tails, of a size that is no multiple of a vector."""
    x = np.concatenate([np.linspace(-8, 8, 1001), [0, -35, 35, 1e-30, -1e4, 1e4]]).astype(dtype)
    exact = x.astype(np.float64)
    slope = ndtr(exact) + exact * np.exp(-(exact**2) / 2) / np.sqrt(2 * np.pi)

    @njit
    def both(pre, post):
        neurons.activate(neurons.GELU, pre, post, len(pre))

    pre, post = x.copy(), np.empty_like(x)
    both(pre, post)
    tiny = np.finfo(dtype).tiny
    np.testing.assert_allclose(post, exact * ndtr(exact), rtol=allowed, atol=tiny)
    np.testing.assert_allclose(pre, slope, rtol=allowed, atol=allowed)
    pre[:3] = np.nan, np.inf, -np.inf
    both(pre, post)
    assert not np.isfinite(post[:2]).any(), "so that the loss shows it"


def test_exponential():
    x = -np.concatenate([np.linspace(0, 50, 2001), [600.0, 708.0]])

    @njit
    def each(given, out):
        for i in range(len(given)):
            out[i] = neurons.exp(given[i])

    found = np.empty_like(x)
    each(x, found)
    np.testing.assert_allclose(found, np.exp(x), rtol=1e-15)
    each(np.array([-1e300, np.nan]), found)
    assert found[0] < 1e-300 and np.isnan(found[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products(dtype):
    """The three ways, of sides that all differ; the second adds to what is there."""
    random = np.random.default_rng(0)
    a, b = (random.normal(size=shape).astype(dtype) for shape in ((5, 3), (3, 4)))
    gemm = blas.new_gemm(np.dtype(dtype))

    @njit
    def made(gemm, turned, a, b, out):
        blas.product(gemm, turned, (5, 3, 4), a, b, out)

    for turned, left, right in ((0, a, b), (1, a.T, b), (2, a, b.T)):
        out = np.ones(20, dtype)
        flat = [np.ascontiguousarray(one).reshape(-1) for one in (left, right)]
        made(gemm, turned, *flat, out)
        expected = a @ b + (1 if turned == 1 else 0)
        np.testing.assert_allclose(out.reshape(5, 4), expected, rtol=1e-5, atol=1e-6)


def test_products_take_no_more_threads_than_they_are_given():
    library = blas._library()
    assert library is not None, "scipy brings OpenBLAS"
    read = library[0]
    before = read()
    with blas.blas_threads(1):
        assert read() == 1
        with blas.blas_threads(2):
            assert read() == 1
    assert read() == before


def test_cached_code_is_that_of_all_sources():
    """numba looks at one file; a checksum of all is part of what it knows the code by."""
    files = sorted(Path(kernel.__file__).parent.glob("*.py"))
    assert len(files) > 5
    files.append(Path(dropout_bits.__file__))  # whose bits the steps draw
    expected = crc32(b"".join(one.read_bytes() for one in files))
    cells = [cell.cell_contents for cell in kernel.run.py_func.__closure__]
    assert cells == [expected]
