"""Foreign files and datasets; what is refused, and in which words."""

from __future__ import annotations

import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

import interp
from interp.exchange import Known, import_checkpoint
from interp.exchange.foreign_data import by_rule, from_arrays
from interp.exchange.rules import Rule
from interp.training.tasks.task import make_task
from tests.test_import import (
    D_HEAD,
    HEADS,
    TASK,
    D,
    N,
    P,
    assert_same_logits,
    doshi,
    doshi_forward,
    doshi_transformer,
    drawn,
    hooked,
)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors", ".npz"])
def test_every_kind_of_file_gives_the_same_network(suffix, tmp_path):
    state, path = doshi(), tmp_path / f"net{suffix}"
    if suffix == ".npz":
        np.savez(path, **{name: one.numpy() for name, one in state.items()})
    elif suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(state, path)
    found = import_checkpoint(path, tmp_path / "run", known=Known(p=P))
    assert_same_logits(found, doshi_forward(state, None))
    assert interp.load(tmp_path / "run").finished


def test_the_authors_rule_of_drawing_a_dataset():
    """Python's shuffle; the first training pairs get labels of torch's stream at seed 0."""
    found = by_rule(TASK, Rule("doshi", 0.5, 0.3, seed=4)).dataset
    order = list(range(P * P))
    random.seed(4)
    random.shuffle(order)
    size = int(0.5 * P * P)
    noisy = int(0.3 * size)
    torch.manual_seed(0)
    labels = torch.randint(0, P, (noisy,))
    assert set(np.flatnonzero(found.is_train)) == set(order[:size])
    assert set(np.flatnonzero(found.is_redrawn)) == set(order[:noisy])
    for place, label in zip(order[:noisy], labels, strict=True):
        assert found.given_label[place] == label
    clean = order[noisy:]
    np.testing.assert_array_equal(found.given_label[clean], TASK.pairs[clean].sum(1) % P)


def test_the_authors_rule_for_transformers_never_draws_the_last_label():
    found = by_rule(TASK, Rule("doshi-transformer", 0.5, 0.9)).dataset
    order = list(range(P * P))
    random.seed(1)
    random.shuffle(order)
    noisy = int(0.9 * int(0.5 * P * P))
    torch.manual_seed(0)
    labels = torch.randint(0, P - 1, (noisy,))
    np.testing.assert_array_equal(found.given_label[order[:noisy]], labels.numpy())
    assert set(np.flatnonzero(found.is_redrawn)) == set(order[:noisy])


def test_progress_measures_rule_is_the_shuffle_without_corruption():
    found = by_rule(TASK, Rule("progress-measures", 0.3)).dataset
    order = list(range(P * P))
    random.seed(0)
    random.shuffle(order)
    assert set(np.flatnonzero(found.is_train)) == set(order[: int(0.3 * P * P)])
    assert not found.is_redrawn.any()
    assert (found.given_label == TASK.answers).all()


def test_the_demos_rule_of_drawing_a_dataset():
    found = by_rule(TASK, Rule("permutation", 0.3, seed=598)).dataset
    torch.manual_seed(598)
    expected = torch.randperm(P * P)[: int(P * P * 0.3)]
    assert set(np.flatnonzero(found.is_train)) == set(expected.tolist())
    assert not found.is_redrawn.any()


def test_datasets_from_arrays(tmp_path):
    train = np.array([0, 5, 17, 60])
    labels = TASK.answers[train].copy()
    labels[1] = (labels[1] + 1) % P
    found = import_checkpoint(doshi(), data={"train_indices": train, "labels": labels})
    dataset = found.run.dataset
    np.testing.assert_array_equal(np.flatnonzero(dataset.is_train), train)
    np.testing.assert_array_equal(np.flatnonzero(dataset.is_redrawn), [5])
    assert dataset.given_label[5] == labels[1]
    assert "redrawn labels are those that differ from the true answer" in found.assumed
    # A redrawn label may be the true one by chance; then only indices tell.
    everything = np.where(np.arange(P * P) == 5, labels[1], TASK.answers)
    np.savez(
        tmp_path / "data.npz",
        train_indices=TASK.pairs[train],
        labels=everything,
        redrawn_indices=np.array([5, 17]),
    )
    again = import_checkpoint(doshi(), data=tmp_path / "data.npz").run.dataset
    np.testing.assert_array_equal(np.flatnonzero(again.is_redrawn), [5, 17])
    assert again.given_label[17] == TASK.answers[17]


TRAIN = np.array([0, 5, 17, 60, 120])
WRONG = np.where(np.arange(5) == 1, (TASK.answers[TRAIN] + 1) % P, TASK.answers[TRAIN])
M, N_ = TASK.pairs[TRAIN].T


def mask(indices: np.ndarray) -> np.ndarray:
    marked = np.zeros(P * P, dtype=bool)
    marked[indices] = True
    return marked


# Forms in which files hold the pairs of TRAIN; "labelled" ones also hold WRONG.
FORMS: dict[str, Any] = {
    "a list of tuples": list(zip(M.tolist(), N_.tolist(), strict=True)),
    "a tuple of tensors": (torch.as_tensor(M), torch.as_tensor(N_)),
    "an array for each operand": np.stack([M, N_]),
    "a list of tensors": [torch.tensor(pair) for pair in TASK.pairs[TRAIN].tolist()],
    "a mask": mask(TRAIN),
    "a mask as a tensor, p × p": torch.as_tensor(mask(TRAIN)).view(P, P),
    'pairs with "="': np.column_stack([M, N_, np.full(5, P)]),
    'tuples with "="': [(int(m), int(n), P) for m, n in TASK.pairs[TRAIN]],
    "labelled, third column": np.column_stack([M, N_, WRONG]),
    "labelled, tuples": [tuple(map(int, row)) for row in np.column_stack([M, N_, WRONG])],
    "labelled, beside the pairs": (torch.as_tensor(TASK.pairs[TRAIN]), torch.as_tensor(WRONG)),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("form", ["mapping", "file of values", "file of names"])
def test_forms_of_training_data(name, form, tmp_path):
    content = FORMS[name]
    path = tmp_path / "train_data.pth"
    if form == "mapping":
        data: Any = {"train_data": content}
    else:
        torch.save(content if form == "file of values" else {"train_pairs": content}, path)
        data = path
    dataset = import_checkpoint(doshi(), operation="x + y", data=data).run.dataset
    np.testing.assert_array_equal(np.flatnonzero(dataset.is_train), TRAIN)
    expected = WRONG if name.startswith("labelled") else TASK.answers[TRAIN]
    np.testing.assert_array_equal(dataset.given_label[TRAIN], expected)


def test_a_mask_of_redrawn_labels():
    data = {"train_mask": mask(TRAIN), "labels": WRONG, "redrawn_indices": mask(TRAIN[1:3])}
    dataset = import_checkpoint(doshi(), operation="x + y", data=data).run.dataset
    np.testing.assert_array_equal(np.flatnonzero(dataset.is_redrawn), TRAIN[1:3])


def test_a_mask_of_an_operation_without_some_pairs():
    """x / y is undefined for y = 0; a mask over all p² pairs and one over the others."""
    division = make_task("x / y", P)
    train = np.arange(7)
    places = division.pairs[train][:, 0] * P + division.pairs[train][:, 1]
    short = np.isin(np.arange(len(division.pairs)), train)
    for marked in (mask(places), short):
        found = from_arrays(division, {"is_train": marked}, "data").dataset
        np.testing.assert_array_equal(np.flatnonzero(found.is_train), train)


def test_without_a_dataset_all_that_needs_none_works(tmp_path):
    found = import_checkpoint(doshi(), tmp_path / "run")
    assert any(one.startswith("no dataset") for one in found.assumed)
    run = interp.load(tmp_path / "run")
    assert len(interp.classify(interp.neuron_table(run), "null").generalizing) == N
    assert interp.embedding_table(run).mean_ipr
    assert interp.prune(run.network(), np.arange(N) < 5)
    page = interp.report(run, threshold=0.27, draws=2).read_text()
    assert "imported" in page
    assert "was trained for" not in page
    assert run.measurement().scores["test"].accuracy is None
    card = (tmp_path / "run/README.md").read_text()
    assert "no dataset: every pair stands in the training set" in card
    assert "learning rate" not in card


# --- what is refused --------------------------------------------------------------------------


class Code:
    def __reduce__(self) -> Any:
        return (open, ("/tmp/interp-was-here", "w"))


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_code_in_a_pickle_is_refused(how, tmp_path):
    path = tmp_path / "evil.pth"
    if how == "torch":
        torch.save({"model": doshi(), "extra": Code()}, path)
    else:
        path.write_bytes(pickle.dumps({"model": Code()}))
    with pytest.raises(ValueError, match="got a pickle with code in it or a damaged one; refused"):
        import_checkpoint(path)
    assert not Path("/tmp/interp-was-here").exists()


def test_objects_in_an_npz_are_refused(tmp_path):
    np.savez(tmp_path / "evil.npz", weights=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="holds Python objects, or is damaged; refused"):
        import_checkpoint(tmp_path / "evil.npz")


def test_an_unknown_layout_lists_what_was_seen_and_what_readers_expect():
    with pytest.raises(ValueError, match="unknown layout: found ") as error:
        import_checkpoint({"conv.weight": torch.zeros(3, 4, 5, 5)})
    text = str(error.value)
    assert "conv.weight 3×4×5×5" in text
    for word in ("transformer-lens", "bridge", "doshi-transformer", "doshi", "mlp"):
        assert f"{word}: " in text
    assert "fc1.weight N×2p" in text


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another p": ({"known": Known(p=13)}, "p: expected 13, but the tensors are of p = 11"),
    "another layout": ({"layout": "bridge"}, "as bridge: expected embed.weight"),
    "no layout": ({"layout": "gpt"}, "as: expected auto, "),
    "no rule": (
        {"data": Rule("dice", 0.5)},
        "rule: expected doshi, doshi-transformer, permutation, progress-measures or interp",
    ),
    "α": ({"data": Rule("doshi", 1.5)}, "fraction: expected a number between 0 and 1, got 1.5"),
    "ξ of the demo": (
        {"data": Rule("permutation", 0.5, 0.1)},
        "corruption: expected 0 for rule permutation, got 0.1",
    ),
    "no indices": ({"data": {"labels": [1]}}, "data: expected train_indices, and labels"),
    "index": ({"data": {"train_indices": [200]}}, "expected indices m·p + n of pairs of x + y"),
    "twice": ({"data": {"train_indices": [2, 2]}}, "expected every pair once, got one twice"),
    "floats": ({"data": {"train_indices": [0.5]}}, "expected whole numbers, got float64"),
    "shape": (
        {"data": {"train_indices": np.zeros((5, 4), dtype=int)}},
        "expected indices or pairs, got an array of shape (5, 4)",
    ),
    "labels": (
        {"data": {"train_indices": [1, 2], "labels": [1]}},
        "expected 2 labels of the training pairs or 121 of all pairs",
    ),
    "answers": (
        {"data": {"train_indices": [1], "labels": [11]}},
        "labels: expected answers from 0 to 10, got 11",
    ),
    "redrawn": (
        {"data": {"train_indices": [1, 2], "labels": [5, 2], "redrawn_indices": [2]}},
        "expected training pairs, all with a wrong label among them; 1 wrong labels are not",
    ),
    "third column": (
        {"data": {"train_indices": [(1, 2, 3), (1, 3, 99)]}},
        "expected a third column of labels from 0 to 10, or of one token, got 3 to 99",
    ),
    "labels of two kinds": (
        {"data": {"train_indices": [(1, 2, 3), (1, 3, 4)], "labels": [3, 5]}},
        "labels: expected those that stand in train_indices, got others",
    ),
    "operands": (
        {"data": {"train_indices": [(1, 11), (1, 3)]}},
        "expected operands from 0 to 10, got 1 to 11",
    ),
    "ragged": (
        {"data": {"train_indices": [(1, 2), (1,)]}},
        "expected indices or pairs, got rows of several lengths",
    ),
    "no data": ({"data": "nothing.npz"}, "nothing.npz: expected a file of arrays"),
    "field": (
        {"known": Known(model={"n_heads": 3})},
        "model.n_heads: expected no value for kind mlp",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_one_line(name):
    options, message = REFUSED[name]
    with pytest.raises(ValueError) as error:
        import_checkpoint(doshi(), **options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def broken(state: dict[str, torch.Tensor], **changes: torch.Tensor | None) -> dict[str, Any]:
    merged = {**state, **{name.replace("__", "."): one for name, one in changes.items()}}
    return {name: one for name, one in merged.items() if one is not None}


MISSHAPEN: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "p": (
        broken(doshi(), fc2__weight=drawn(P + 1, N)),
        {},
        "tensor fc1.weight: expected shape 20×24, got 20×22",
    ),
    "absent": (
        broken(hooked(P, 2, P), unembed__W_U=None),
        {},
        "tensor unembed.W_U: expected it, found embed.W_E 11×12",
    ),
    "tokens": (hooked(P - 1, 3, P), {}, "tensors: expected p or p + 1 tokens for p = 11 answers"),
    "positions": (hooked(P + 1, 1, P), {}, "positions: expected at least 2, got 1"),
    "blocks": (
        {**hooked(P, 2, P), "blocks.3.attn.W_Q": drawn(HEADS, D, D_HEAD)},
        {},
        "tensors blocks.…: expected blocks 0, 1, 2 …, got [0, 3]",
    ),
    "heads": (
        doshi_transformer(0.0),
        {"known": Known(model={"n_heads": 5})},
        "model.n_heads: expected a divisor of d = 12, got 5",
    ),
    "widths": (
        {"a.weight": drawn(20, 22), "b.weight": drawn(30, 20), "c.weight": drawn(11, 30)},
        {},
        "as mlp: expected hidden layers of one width, got [20, 30]",
    ),
    "inputs": (
        {"a.weight": drawn(20, 21), "c.weight": drawn(11, 20)},
        {},
        "tensor a.weight: expected 22 or 11 inputs for p = 11, got 21",
    ),
    "inputs after an embedding": (
        {"emb.weight": drawn(P, 6), "a.weight": drawn(20, 13), "c.weight": drawn(11, 20)},
        {},
        "tensor a.weight: expected 6 or 12 inputs after embeddings of 6 dimensions, got 13",
    ),
    "embeddings": (
        {
            **{f"emb{i}.weight": drawn(P, 6) for i in range(3)},
            "a.weight": drawn(20, 12),
            "c.weight": drawn(11, 20),
        },
        {},
        "as mlp: expected one or two embeddings, got emb0.weight, emb1.weight, emb2.weight",
    ),
    "columns": (
        {
            "emb0.weight": drawn(P, 6),
            "emb1.weight": drawn(P, 7),
            "a.weight": drawn(20, 12),
            "c.weight": drawn(11, 20),
        },
        {},
        "tensor emb1.weight: expected 6 columns, got 7",
    ),
    "norms": (
        {
            "a.weight": drawn(20, 22),
            "n.weight": drawn(20),
            "n.bias": drawn(20),
            "b.weight": drawn(20, 20),
            "c.weight": drawn(11, 20),
        },
        {},
        "as mlp: expected a norm for each of 2 hidden layers or none, got n",
    ),
}


@pytest.mark.parametrize("name", MISSHAPEN)
def test_shapes_that_contradict_are_one_line(name):
    state, options, message = MISSHAPEN[name]
    with pytest.raises(ValueError) as error:
        import_checkpoint(state, **options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_are_none(tmp_path):
    with pytest.raises(ValueError, match="expected a checkpoint file, found none"):
        import_checkpoint(tmp_path / "no.pth")
    (tmp_path / "net.txt").write_text("1")
    with pytest.raises(ValueError, match="expected a name that ends in"):
        import_checkpoint(tmp_path / "net.txt")
    (tmp_path / "net.safetensors").write_text("1")
    with pytest.raises(ValueError, match=r"cannot be read as \.safetensors"):
        import_checkpoint(tmp_path / "net.safetensors")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="expected tensors by name, got list"):
        import_checkpoint(tmp_path / "list.pth")
    torch.save({"a": 1}, tmp_path / "nothing.pth")
    with pytest.raises(
        ValueError, match="expected tensors by name, or under one of model, state_dict"
    ):
        import_checkpoint(tmp_path / "nothing.pth")


def test_a_folder_with_contents_is_left_alone(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/file").write_text("mine")
    with pytest.raises(ValueError, match="expected a new or empty folder, it has contents"):
        import_checkpoint(doshi(), tmp_path / "run")
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["file"]
