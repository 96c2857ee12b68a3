"""The dataset carries its truth; seeds move one thing each; neighbouring settings are nested."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp.training.data.dataset import make_dataset
from interp.training.data.splits import SPLITS
from interp.training.tasks.task import make_task

ADDITION = make_task("x + y", 23)
KINDS = ["uniform", "wrong", "symmetric"]


@pytest.mark.parametrize("kind", KINDS)
def test_splits_partition_the_table(kind):
    data = make_dataset(ADDITION, 0.6, 0.4, kind, 3, 5)
    train, test, clean, corrupted = (
        data.members(s) for s in ("train", "test", "clean", "corrupted")
    )
    assert (train ^ test).all()
    assert (clean | corrupted).tolist() == train.tolist()
    assert not (clean & corrupted).any()
    assert train.sum() == round(0.6 * 529)
    assert abs(corrupted.sum() - 0.4 * train.sum()) <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_true_unless_redrawn(kind):
    data = make_dataset(ADDITION, 0.6, 0.4, kind)
    x, y = data.pairs.T
    assert np.array_equal(data.true_label, (x + y) % 23)
    assert np.array_equal(data.given_label[~data.is_redrawn], data.true_label[~data.is_redrawn])
    for split in SPLITS:
        labels = data.labels(split)
        is_given = split in ("train", "corrupted", "clean")
        assert np.array_equal(labels, data.given_label if is_given else data.true_label)


def test_uniform_redraws_hit_the_truth_as_often_as_chance():
    p = 23
    hits = sum(
        int((d.given_label == d.true_label)[d.is_redrawn].sum())
        for d in (make_dataset(ADDITION, 1.0, 1.0, "uniform", 0, seed) for seed in range(40))
    )
    draws = 40 * p * p
    # Binomial(draws, 1/p): five standard deviations.
    assert abs(hits - draws / p) < 5 * np.sqrt(draws / p)


def test_every_label_occurs_among_redrawn_ones():
    data = make_dataset(ADDITION, 1.0, 1.0, "uniform")
    assert set(data.given_label.tolist()) == set(range(23)), "the last residue must be drawn too"


def test_wrong_redraws_never_hit_the_truth():
    data = make_dataset(ADDITION, 1.0, 1.0, "wrong")
    offset = (data.given_label - data.true_label) % 23
    assert set(offset.tolist()) == set(range(1, 23))


def test_symmetric_redraws_agree_with_their_mirror():
    data = make_dataset(ADDITION, 1.0, 0.37, "symmetric")
    redrawn, label = (a.reshape(23, 23) for a in (data.is_redrawn, data.given_label))
    assert np.array_equal(redrawn, redrawn.T)
    assert np.array_equal(label[redrawn], label.T[redrawn])
    assert 0 < redrawn.sum() < 529


@pytest.mark.parametrize("kind", KINDS)
@given(low=st.floats(0.05, 1), high=st.floats(0.05, 1), less=st.floats(0, 1), more=st.floats(0, 1))
def test_neighbouring_settings_are_nested(kind, low, high, less, more):
    low, high = sorted((low, high))
    less, more = sorted((less, more))
    small, large = make_dataset(ADDITION, low, less, kind), make_dataset(ADDITION, high, less, kind)
    assert not (small.is_train & ~large.is_train).any()
    noisier = make_dataset(ADDITION, high, more, kind)
    assert np.array_equal(large.is_train, noisier.is_train), "corruption never moves the split"
    assert not (large.is_redrawn & ~noisier.is_redrawn).any()
    both = large.is_redrawn & noisier.is_redrawn
    assert np.array_equal(large.given_label[both], noisier.given_label[both])


def test_each_seed_moves_its_own_part():
    base = make_dataset(ADDITION, 0.5, 0.5, "uniform", 0, 0)
    split = make_dataset(ADDITION, 0.5, 0.5, "uniform", 1, 0)
    noise = make_dataset(ADDITION, 0.5, 0.5, "uniform", 0, 1)
    assert not np.array_equal(base.is_train, split.is_train)
    assert np.array_equal(base.is_train, noise.is_train)
    assert not np.array_equal(base.is_redrawn, noise.is_redrawn)
    both = base.is_redrawn & split.is_redrawn
    assert np.array_equal(base.given_label[both], split.given_label[both])


def test_extremes():
    assert make_dataset(ADDITION, 1.0, 0.0).members("test").sum() == 0
    assert make_dataset(ADDITION, 0.3, 1.0).members("clean").sum() == 0
