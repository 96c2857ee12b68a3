"""Real checkpoints of other people's code, where a folder of them is at hand.

The environment variable INTERP_FOREIGN names it; the files are not part of the project.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import interp
from interp.exchange import Known, import_checkpoint
from interp.exchange.rules import Rule
from interp.training.tasks.groups import GROUPS as GROUP_ROWS
from tests import foreign_forward as forward

FOLDER = os.environ.get("INTERP_FOREIGN")
pytestmark = pytest.mark.skipif(
    not FOLDER, reason="needs real checkpoints: INTERP_FOREIGN names their folder"
)


def state_of(name: str) -> dict[str, np.ndarray]:
    content = torch.load(Path(str(FOLDER)) / name, map_location="cpu", weights_only=True)
    state = content.get("model", content)
    plain = {key.removeprefix("mlp."): one for key, one in state.items()}
    return forward.arrays_of({**state, **plain})


def with_equals(p: int) -> np.ndarray:
    pairs = forward.pairs_of(p)
    return np.column_stack([pairs, np.full(len(pairs), p)])


# By file: layout, p, and the logits of an independent forward pass.
FILES: dict[str, tuple[str, int, Any]] = {
    "kaushik_baseline.pt": ("grokking", 113, lambda s: forward.grokking(s, 113, with_equals(113))),
    "pizza_model_l8k1hzciux.pt": (
        "grokking",
        59,
        lambda s: forward.grokking(s, 59, forward.pairs_of(59)),
    ),
    "reptheory_C113_T_seed1.pt": (
        "transformer-lens",
        113,
        lambda s: forward.hooked(s, 113, with_equals(113)),
    ),
    "reptheory_C113_MLP_seed1.pt": ("raw", 113, lambda s: forward.two_tables(s, 113)),
    "reptheory_S5_MLP_seed1.pt": ("raw", 120, lambda s: forward.two_tables(s, 120)),
    "reptheory_D61_MLP_seed1.pt": ("raw", 122, lambda s: forward.two_tables(s, 122)),
    "yagent_p23_quad_5000.pth": ("raw", 23, lambda s: forward.shared_columns(s, 23, "square")),
    "yagent_p23_relu_decay2_49800.pth": ("raw", 23, lambda s: forward.shared_columns(s, 23)),
    "pizza_model_7r4zst7evs.pt": ("mlp", 59, lambda s: forward.one_table_linear(s, 59)),
    "fcn_wd5.pth": ("doshi", 97, lambda s: forward.two_layers(s, 97)),
    "fcn_zero.pth": ("doshi", 97, lambda s: forward.two_layers(s, 97)),
    "tf61_nb_noise.pth": ("doshi-transformer", 61, lambda s: forward.encoder(s, 61, heads=4)),
}
# What the files do not say.
TOLD = {"yagent_p23_quad_5000.pth": {"activation": "square"}, "tf61_nb_noise.pth": {"n_heads": 4}}


def brought_in(name: str, data: str | None = None) -> Any:
    folder = Path(str(FOLDER))
    known = Known(model=TOLD.get(name, {}))
    return import_checkpoint(folder / name, data=data and folder / data, known=known)


@pytest.mark.parametrize("name", FILES)
def test_logits_are_those_of_an_independent_forward_pass(name):
    layout, p, own = FILES[name]
    found = brought_in(name)
    assert (found.layout, found.run.config.task.p) == (layout, p)
    expected = own(state_of(name))
    with torch.no_grad():
        logits = found.run.network()(torch.as_tensor(forward.pairs_of(p))).double().numpy()
    # Relative to the largest: float32 sums in another order.
    assert np.abs(logits - expected).max() <= 1e-5 * np.abs(expected).max()


def test_the_demo_with_a_configuration_as_plain_values():
    found = brought_in("cfg_dict.pth")
    assert (found.layout, found.run.config.task.p) == ("transformer-lens", 113)
    assert not any("activation" in line or "attention" in line for line in found.assumed)
    scores = found.run.measurement().scores
    assert scores["train"].accuracy == 1
    assert scores["test"].accuracy == pytest.approx(0.004, abs=0.001)


MEAN_IPR = {
    "reptheory_C113_MLP_seed1.pt": 0.900656,
    "pizza_model_7r4zst7evs.pt": 0.942238,
    "pizza_model_l8k1hzciux.pt": 0.969,
    "yagent_p23_relu_decay2_49800.pth": 0.8262,
    "fcn_wd5.pth": 0.417,
}


@pytest.mark.parametrize("name", MEAN_IPR)
def test_mean_iprs(name):
    expected = MEAN_IPR[name]
    digits = len(str(expected).partition(".")[2])
    ipr = interp.neuron_table(brought_in(name).run).ipr
    assert np.nanmean(ipr) == pytest.approx(expected, abs=0.5 * 10**-digits)


def test_the_data_beside_a_file():
    name = "yagent_p23_relu_decay2"
    found = brought_in(f"{name}_49800.pth", f"{name}_train_data.pth")
    scores = found.run.measurement().scores
    assert scores["train"].accuracy == 1
    assert scores["test"].accuracy == pytest.approx(0.97744, abs=5e-6)


def test_the_progress_measures_network():
    """Its authors' own split, on which their test loss is 2.0e-4."""
    folder = Path(str(FOLDER))
    rule = Rule("progress-measures", 0.3, seed=0)
    found = import_checkpoint(folder / "kaushik_baseline.pt", data=rule)
    scores = found.run.measurement().scores
    assert scores["all"].accuracy == 1
    assert scores["test"].loss == pytest.approx(2.0e-4, abs=5e-6)


# Name, least margin of the answers, identity, and elements of each order: for S5 by cycle types.
GROUPS = {
    "reptheory_S5_MLP_seed1.pt": ("S5", 5.2, 20, {1: 1, 2: 25, 3: 20, 4: 30, 5: 24, 6: 20}),
    "reptheory_D61_MLP_seed1.pt": ("D61", 5.3, 0, {1: 1, 2: 61, 61: 60}),
}


@pytest.mark.parametrize("name", GROUPS)
def test_the_group_that_a_network_computes_in(name):
    group, margin, neutral, orders = GROUPS[name]
    found = brought_in(name)
    own = found.group
    assert (own.group.name, own.form, own.share) == (group, "x · y", 1)
    assert own.margin == pytest.approx(margin, abs=0.05)
    assert own.group.identity == neutral
    assert dict(own.group.invariants.orders) == orders
    # The table's elements multiply as their names' do in the group itself.
    image, named = own.group.isomorphism, own.group.named.table
    np.testing.assert_array_equal(image[own.table], named[np.ix_(image, image)])
    np.testing.assert_array_equal(found.run.dataset.true_label, own.table.ravel())
    assert found.questioned == ()


def test_the_irreps_that_the_s5_network_uses_are_those_of_its_authors():
    """Their file names sign, standard, standard ⊗ sign and one of dimension 5."""
    found = brought_in("reptheory_S5_MLP_seed1.pt")
    assert np.nanmean(interp.neuron_table(found.run).ipr) == pytest.approx(0.930, abs=0.001)
    basis = GROUP_ROWS[found.run.dataset.task.group].basis(120)
    weight = found.run.network().layers[0].W_in.detach().double().numpy()[:120]
    power = np.bincount(basis.block, ((basis.matrix.T @ weight) ** 2).sum(axis=1))
    used = {basis.names[i] for i in np.flatnonzero(power > 0.01 * power.sum())}
    assert used == {"sign", "standard", "standard ⊗ sign", "5-dimensional, 1"}


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_is_read_off_a_network_with_noisy_weights(name):
    """Noise of 0.4 standard deviations of each weight; about 1 and 4 % of the answers are wrong."""
    state = torch.load(Path(str(FOLDER)) / name, map_location="cpu", weights_only=True)
    random = torch.Generator().manual_seed(0)
    noisy = {
        key: one + 0.4 * one.std() * torch.randn(one.shape, generator=random)
        for key, one in state.items()
    }
    exact, found = brought_in(name).group, import_checkpoint(noisy).group
    assert 0.9 < found.share < 1
    assert found.is_proven
    np.testing.assert_array_equal(found.table, exact.table)


# Neurons with over half the variance of their activations, over all pairs, in one frequency.
SPECIALIZED = {
    "kaushik_baseline.pt": (458, {14, 35, 41, 42, 52}),
    "reptheory_C113_T_seed1.pt": (None, {16, 30, 56}),
}


@pytest.mark.parametrize("name", SPECIALIZED)
def test_frequencies_of_the_neurons(name):
    count, frequencies = SPECIALIZED[name]
    p = FILES[name][1]
    _, cache = brought_in(name).run.network().run_with_cache(torch.as_tensor(forward.pairs_of(p)))
    values = cache["blocks.0.mlp.hook_post"][:, -1].double().numpy().T.reshape(-1, p, p)
    power = np.abs(np.fft.fft2(values)) ** 2
    power[:, 0, 0] = 0
    own = [(0, k, -k) for k in range(1, p // 2 + 1)]
    shares = np.stack([power[:, one][:, :, one].sum((1, 2)) for one in own], 1)
    shares /= power.sum((1, 2))[:, None]
    specialized = shares.max(1) > 0.5
    assert count in (None, specialized.sum())
    assert set((1 + shares.argmax(1))[specialized].tolist()) == frequencies


def test_a_digit_sum_transformer_is_refused():
    with pytest.raises(ValueError, match="got 14 positions") as error:
        brought_in("arena_sum_model.pt")
    for words in ("12 tokens and 12 logits", "blocks: 2", "heads: 3 of 24 at d = 48"):
        assert words in str(error.value)
