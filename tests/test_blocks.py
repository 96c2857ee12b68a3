"""Labels redrawn in blocks of one answer: by brute force, nested, refused beside other kinds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import interp
from interp.training.config.run_config import RunConfig, parse_config
from interp.training.data.dataset import make_dataset
from interp.training.tasks.task import make_task
from tests.conftest import tiny_config

P = 11
ADDITION = make_task("x + y", P)
X, Y = np.mgrid[:P, :P]
TABLE = (X * X + 3 * Y) % 5  # 11×11 → 5: answers with unlike numbers of pairs
TASKS = [ADDITION, make_task("x - y", P), make_task("x / y", P), make_task(TABLE)]
SIZES = [1, 2, 4, P, 10**6]


def blocks_by_hand(task, size: int) -> list[list[tuple[int, int]]]:
    """Pairs of one answer, sorted by first and then second operand, cut every ``size`` pairs."""
    answers = dict(zip(map(tuple, task.pairs.tolist()), task.answers.tolist(), strict=True))
    found = []
    for answer in sorted(set(answers.values())):
        own = sorted(pair for pair, one in answers.items() if one == answer)
        found += [own[start : start + size] for start in range(0, len(own), size)]
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("task", TASKS, ids=["x + y", "x - y", "x / y", "table"])
def test_a_block_has_one_label_and_is_redrawn_together(task, size):
    whole = make_dataset(task, 1.0, 1.0, kind="blocks", block=size)
    half = make_dataset(task, 1.0, 0.5, kind="blocks", block=size)
    at = {tuple(pair): number for number, pair in enumerate(task.pairs.tolist())}
    labels = []
    for block in blocks_by_hand(task, size):
        numbers = [at[pair] for pair in block]
        assert len(set(whole.given_label[numbers])) == 1
        assert len(set(half.is_redrawn[numbers])) == 1
        labels.append(whole.given_label[numbers[0]])
    assert whole.is_redrawn.all()
    largest = max(map(len, blocks_by_hand(task, size)))
    missing = round(0.5 * len(half)) - half.is_redrawn.sum()
    assert 0 <= missing < largest
    if size == 1:
        assert set(labels) == set(range(task.n_answers)), "the last answer must be drawn too"


def test_shifts_of_a_sum():
    """Of x + y: (m, −m), (m + 1, −m − 1), … share a label, block by block of the first operand."""
    data = make_dataset(ADDITION, 1.0, 1.0, kind="blocks", block=4)
    label = data.given_label.reshape(P, P)
    for total in range(P):
        along = [int(label[m, (total - m) % P]) for m in range(P)]
        assert [len(set(along[start : start + 4])) for start in (0, 4, 8)] == [1, 1, 1]


def test_blocks_of_one_pair_are_uniform():
    drawn = {"split_seed": 3, "corruption_seed": 5}
    blocks = make_dataset(ADDITION, 0.6, 0.4, kind="blocks", block=1, **drawn)
    uniform = make_dataset(ADDITION, 0.6, 0.4, **drawn)
    assert np.array_equal(blocks.given_label, uniform.given_label)
    assert np.array_equal(blocks.is_redrawn, uniform.is_redrawn)


def test_labels_of_whole_answers_are_drawn_not_permuted():
    """Of 11 labels 65 % are drawn at least once; of a permutation it would be all."""
    names = [
        make_dataset(ADDITION, 1.0, 1.0, "blocks", 0, seed, P).given_label[:P] for seed in range(40)
    ]
    distinct = np.mean([len(set(one)) for one in names]) / P
    expected = 1 - (1 - 1 / P) ** P  # share of the answers that are drawn at least once
    assert distinct == pytest.approx(expected, abs=0.05)  # three standard deviations of the mean


@given(low=st.floats(0.05, 1), high=st.floats(0.05, 1), less=st.floats(0, 1), more=st.floats(0, 1))
def test_neighbouring_settings_are_nested(low, high, less, more):
    """In ξ always. In α as for mirrors: turns are the same, blocks come whole or not at all."""
    low, high = sorted((low, high))
    less, more = sorted((less, more))
    options = {"kind": "blocks", "block": 3}
    small, large = (make_dataset(ADDITION, share, less, **options) for share in (low, high))
    noisier = make_dataset(ADDITION, high, more, **options)
    assert not (small.is_train & ~large.is_train).any()
    assert np.array_equal(large.is_train, noisier.is_train)
    assert not (large.is_redrawn & ~noisier.is_redrawn).any()
    both = large.is_redrawn & noisier.is_redrawn
    assert np.array_equal(large.given_label[both], noisier.given_label[both])
    both = large.is_redrawn & small.is_redrawn
    assert np.array_equal(large.given_label[both], small.given_label[both])


def test_a_configuration_with_blocks():
    data = {"fraction": 0.7, "corruption": 1.0, "kind": "blocks", "block": 3}
    run = interp.train(tiny_config(data=data))
    same = make_dataset(run.dataset.task, 0.7, 1.0, "blocks", run.config.seed, run.config.seed, 3)
    assert np.array_equal(run.dataset.given_label, same.given_label)
    other = run.config.replace({"data.block": 4})
    assert run.config.identity() != other.identity()
    assert parse_config(run.config.model_dump()) == run.config
    assert run.config.data.words == "blocks of 3"


def test_no_block_is_no_part_of_a_name():
    assert "block" not in RunConfig().identity()


@pytest.mark.parametrize(
    ("kind", "block", "message"),
    [
        ("blocks", None, "data.block: expected a whole number of at least 1, got None"),
        ("blocks", 0, "data.block: expected a whole number of at least 1, got 0"),
        ("symmetric", 2, "data.block: expected none for kind symmetric, got 2"),
    ],
)
def test_what_is_refused(kind, block, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        make_dataset(ADDITION, 0.5, 0.5, kind=kind, block=block)
