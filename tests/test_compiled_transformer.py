"""Compiled steps of a Transformer of one block: the numbers of autograd and torch's AdamW."""

from __future__ import annotations

import itertools
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
import torch
from numba import njit

from interp.training.config.run_config import RunConfig, parse_config
from interp.training.evaluation import scores
from interp.training.trainer.cohort import wants_run_axis
from interp.training.trainer.compiled import blas, steps
from interp.training.trainer.compiled.transformer import bound, kernel
from interp.training.trainer.loop import (
    dataset_of,
    train,
    train_many,
)
from tests.test_compiled import (
    CPU,
    advanced,
    assert_diverges_as_autograd,
    assert_resumes_to_the_bit,
    assert_same,
    cohort_of,
)

# What the tokens and matrices can be; heads are taken four at a time, and what is left.
FORMS = {
    "two tokens": {},
    "=": {"equals_token": True, "attention": "causal"},
    "tied": {"tied": True, "n_heads": 5, "d_head": 3},
    "a vocabulary an operand": {"vocabulary": "operand", "n_heads": 1},
    "= and tied": {"equals_token": True, "tied": True, "d_head": 2, "output_scale": 1.5},
    "mup": {"init": "mup"},
    "doshi": {"init": "doshi", "exponent": 1.0, "n_heads": 6, "equals_token": True},
}
COMBINED = {"bias": True, "activation": "gelu", "equals_token": True}


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Runs of 200 steps, which are over before they would be compiled, are compiled here."""
    monkeypatch.setattr(steps, "_LEAST_STEPS", 200)


def config_of(changes: dict | None = None, **model: object) -> RunConfig:
    config = parse_config(
        {
            "task": {"p": 7},
            "data": {"fraction": 0.6, "corruption": 0.3},
            "model": {"kind": "transformer", "d_model": 12, "n_heads": 4, "d_mlp": 10, **model},
            "optimizer": {"lr": 0.003, "weight_decay": 0.5},
            "schedule": {"evaluations": 6, "checkpoints": 4},
            "steps": 200,
        }
    )
    return config.replace(changes) if changes else config


def without_key_bias(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All but what adds the same to every score: its gradient is rounding, which AdamW enlarges."""
    return {name: one for name, one in state.items() if "b_K" not in name}


@pytest.mark.parametrize("form", FORMS)
def test_as_autograd_and_torchs_optimizer(form):
    """100 steps in float64, so that rounding stays small."""
    every = itertools.product(("relu", "gelu", "square"), (False, True), ("mse", "cross_entropy"))
    for phi, bias, loss in every:
        optimizer = {"warmup": 10, "lr_schedule": "cosine", "rates": {"*.W_in": 0.5}}
        changes = {f"optimizer.{key}": value for key, value in optimizer.items()}
        changes |= {"dtype": "float64", "loss": loss}
        config = config_of(changes, activation=phi, bias=bias, **FORMS[form])
        losses, state = advanced(config)
        expected_losses, expected = advanced(config, compiled=False)
        np.testing.assert_allclose(losses, expected_losses, rtol=0, atol=1e-12)
        assert losses[-1] < losses[0]
        assert_same(without_key_bias(state), without_key_bias(expected), 1e-10)


def test_in_float32_as_near_as_it_is_precise():
    losses, _ = advanced(config_of(**COMBINED))
    exact, _ = advanced(config_of({"dtype": "float64"}, **COMBINED))
    np.testing.assert_allclose(losses[:20], exact[:20], rtol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", ["two tokens", "= and tied"])
def test_how_many_steps_are_in_a_call_changes_no_bit(form, dtype):
    config = config_of({"dtype": dtype}, bias=True, **FORMS[form])
    losses, state = advanced(config)
    for sizes in ((100,), (1,) * 100):
        others, other = advanced(config, sizes=sizes)
        np.testing.assert_array_equal(others, losses)
        assert_same(other, state, 0)


@pytest.mark.parametrize("parts", [2, 3])
@pytest.mark.parametrize("form", ["two tokens", "= and tied"])
def test_threads_share_a_step(form, parts, monkeypatch):
    """The same to rounding as alone, and the same to the bit each time."""
    config = config_of({"dtype": "float64"}, bias=True, **FORMS[form])
    losses, state = advanced(config)
    monkeypatch.setattr(steps, "_WORK_A_THREAD", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: parts)
    several, shared = advanced(config)
    np.testing.assert_allclose(several, losses, rtol=0, atol=1e-12)
    assert_same(without_key_bias(shared), without_key_bias(state), 1e-10)
    assert any((shared[name] != state[name]).any() for name in state), "in another order"
    again, same = advanced(config)
    np.testing.assert_array_equal(again, several)
    assert_same(same, shared, 0)


@pytest.mark.parametrize(("block", "last"), [(1, 24), (7, 3), (29, 1)])
def test_examples_in_blocks_and_groups_are_the_same_to_rounding(block, last, monkeypatch):
    config = config_of({"dtype": "float64", "loss": "cross_entropy"}, d_head=3)
    losses, state = advanced(config)
    monkeypatch.setattr(bound, "_BLOCK_VALUES", 32 * block)
    monkeypatch.setattr(bound, "_LAST_OPERANDS", last)
    in_blocks, found = advanced(config)
    np.testing.assert_allclose(in_blocks, losses, rtol=0, atol=1e-12)
    assert_same(found, state, 1e-10)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("form", FORMS)
def test_scores_are_those_of_the_network(form, parts, monkeypatch):
    """Of every split, over all pairs; a tie is not right."""
    monkeypatch.setattr(steps, "_WORK_A_THREAD", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: parts)
    config = config_of({"dtype": "float64"}, bias=True, **FORMS[form])
    cohort = cohort_of(config)
    for size in (30, 70):
        cohort.advance_by(size)
        (found,) = cohort.measure()
        expected = scores(cohort.networks[0], dataset_of(config), "mse")
        assert found.scores.values() == pytest.approx(expected.values(), rel=1e-12)
    for weight in cohort.networks[0].parameters():
        weight.data.zero_()
    values = cohort.measure()[0].scores.values().items()
    assert {value for name, value in values if name.endswith("accuracy")} == {0.0}


# A run


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_resumed_run_is_bit_identical(dtype, tmp_path, monkeypatch):
    config = config_of({"dtype": dtype}, **COMBINED)
    assert_resumes_to_the_bit(config, tmp_path / "run", monkeypatch)


def test_members_of_a_cohort_come_out_as_alone():
    configs = [config_of({"seed": seed, "optimizer.lr": 0.01 * (seed + 1)}) for seed in range(3)]
    assert not wants_run_axis(configs, 29, CPU)
    assert wants_run_axis([one.replace("optimizer.name", "adam") for one in configs], 29, CPU)
    for config, found in zip(configs, train_many(configs), strict=True):
        assert_same(dict(found.weights[200]), dict(train(config).weights[200]), 0)


@pytest.mark.parametrize("phi", ["square", "relu", "gelu"])
def test_divergence_is_told_at_its_step(phi, monkeypatch):
    """By name of the step that autograd finds too; a NaN does not vanish where ReLU is 0."""
    config = config_of({"optimizer.lr": 1e20, "dtype": "float64"}, activation=phi)
    assert_diverges_as_autograd(config, monkeypatch)


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 199},
        {"model.n_layers": 2},
        {"model.d_mlp": 0},
        {"model.norm": "layer"},
        {"model.norm": "batch"},
        {"model.activation": "tanh"},
        {"model.dropout": 0.5},
        {"model.dropout_attention": 0.5},
        {"model.dropout_embed": 0.5},
        {"model.dropout_residual": 0.5},
        {"optimizer.name": "sgd", "optimizer.momentum": 0.9},
        {"optimizer.batch_size": 20},
        {"precision": "medium"},
        {"start.freeze": ["embed.*"]},
    ],
)
def test_what_is_not_compiled(changes):
    assert not steps.fits(config_of(changes), 29)
    assert steps.fits(config_of(), 29)


# Numbers


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("how", range(8))
def test_products_of_parts_of_matrices(how, dtype):
    """Either side turned, added or not; rows lie further apart than they are long."""
    random, gemm = np.random.default_rng(0), blas.new_gemm(np.dtype(dtype))
    rows, terms, columns = 5, 3, 4
    a = random.normal(size=(terms, 9) if how & blas.TURNED_A else (rows, 7)).astype(dtype)
    b = random.normal(size=(columns, 6) if how & blas.TURNED_B else (terms, 8)).astype(dtype)
    out = random.normal(size=(rows, 10)).astype(dtype)
    one = a[:, :rows].T if how & blas.TURNED_A else a[:, :terms]
    other = b[:, :terms].T if how & blas.TURNED_B else b[:, :columns]
    expected = out.copy()
    expected[:, :columns] = one @ other + (out[:, :columns] if how & blas.ADDED else 0)

    @njit
    def made(gemm, how, shape, sides):
        blas.multiply(gemm, how, shape, sides[0], sides[1], sides[2])

    sides = tuple((each.reshape(-1), each.shape[1]) for each in (a, b, out))
    for nothing in ((0, terms, columns), (rows, 0, columns), (rows, terms, -1)):
        before = out.copy()
        made(gemm, how, nothing, sides)
        np.testing.assert_array_equal(out, before)
    made(gemm, how, (rows, terms, columns), sides)
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-6)


def test_cached_code_is_that_of_all_sources():
    """numba looks at one file; a checksum of all is part of what it knows the code by."""
    folder = Path(kernel.__file__).parent
    files = [*sorted(folder.parent.glob("*.py")), *sorted(folder.glob("*.py"))]
    assert len(files) > 12
    expected = crc32(b"".join(one.read_bytes() for one in files))
    cells = [cell.cell_contents for cell in kernel.run.py_func.__closure__]
    assert cells == [expected]
