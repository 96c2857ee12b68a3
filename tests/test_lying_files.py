"""Files that lie: about their size, their types, or what they were packed from."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from interp.exchange.foreign_file import load_values, read_foreign
from interp.explorer.catalog import Catalog
from interp.explorer.listing import listed_run
from interp.training import untrusted
from interp.training.array_file import read_arrays
from interp.training.config.start_file import find_start
from interp.training.runs.measured import read_measured
from interp.training.runs.metadata import read_seconds
from interp.training.runs.origin import read_origin
from interp.training.runs.run import load
from interp.training.runs.tensor_file import read_digest, read_tensors, write_tensors
from interp.training.sweep import parquet_file
from interp.training.sweep.parquet_file import axes_of, read_parquet
from interp.training.sweep.plan.manifest import parquet, read_plan
from interp.training.sweep.store import FolderStore
from interp.training.sweep.table.collection import gathered, read_results
from interp.training.sweep.table.outcome import CellOutcome
from interp.training.sweep.table.record import read_record, write_record
from interp.training.tasks.table import make_table
from interp.training.trainer.loop import train
from tests.conftest import tiny_config

ENDLESS = 2**40  # bytes that a file with holes says it has; no machine keeps them in memory


def endless(path: Path, start: bytes = b"") -> Path:
    path.write_bytes(start)
    os.truncate(path, ENDLESS)
    return path


def newest(run: Path) -> Path:
    return max((run / "checkpoints").glob("*/model.safetensors"))


@pytest.fixture()
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "x.safetensors"
    write_tensors(path, {"w": np.arange(6.0)}, {"step": "1"})
    return path


@pytest.mark.parametrize("keep", [True, False], ids=["behind", "instead"])
def test_a_tensor_file_longer_than_its_header_says_is_not_read(weights, keep):
    endless(weights, weights.read_bytes() if keep else b"")
    words = f"not a complete safetensors file \\({ENDLESS} bytes\\); truncated or altered"
    with pytest.raises(ValueError, match=words):
        read_tensors(weights)
    assert read_digest(weights) is None
    with pytest.raises(ValueError, match="expected a safetensors file; truncated or altered"):
        find_start("0" * 16, str(weights), None)


def header_of(about: Any) -> bytes:
    text = json.dumps(about).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 0) + b"{}",
        b"\x05",
        header_of([]),
        header_of({"w": 3}),
        header_of({"w": {}}),
        header_of({"w": {"data_offsets": [0]}}),
        header_of({"w": {"data_offsets": ["0", "1"]}}),
        header_of({"w": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 0]}}),
    ],
)
def test_headers_that_cannot_be(weights, content):
    weights.write_bytes(content)
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        read_tensors(weights)


def test_endless_files_of_a_run_and_a_sweep_are_refused_unread(tiny_folder, tmp_path):
    endless(newest(tiny_folder))
    words = str(listed_run("tiny", tiny_folder).error)
    assert "the newest checkpoint is damaged, not a complete safetensors file" in words
    endless(tiny_folder / "DONE")
    assert read_seconds(tiny_folder) is None
    endless(tiny_folder / "metrics.jsonl")
    with pytest.raises(ValueError, match="expected at most 268435456 bytes"):
        load(tiny_folder)
    (tiny_folder / "measures").mkdir()
    endless(tiny_folder / "measures" / "0.json")
    assert read_measured(tiny_folder, "0") is None
    store = FolderStore(tmp_path / "sweep")
    (tmp_path / "sweep" / "cells").mkdir(parents=True)
    endless(tmp_path / "sweep" / "cells" / "0.json")
    assert read_record(store, "0") is None
    endless(tmp_path / "sweep" / "results.parquet")
    assert read_results(store) is None
    endless(tmp_path / "sweep" / "sweep.json")
    with pytest.raises(ValueError, match="expected at most 1073741824 bytes"):
        read_plan(store)


@pytest.mark.parametrize(
    "change",
    [
        {"step": "1"},
        {"step": 1.5},
        {"step": -1},
        {"weight_norm": None},
        {"weight_norm": [1.0]},
        {"weight_norm": 10**400},
        {"scores": []},
        {"accuracy": "0.5"},
        {"accuracy": [0.5]},
        {"accuracy": True},
    ],
)
def test_scores_of_other_types_are_altered(tiny_folder, change):
    path = tiny_folder / "metrics.jsonl"
    first, *others = path.read_text().splitlines()
    row = json.loads(first)
    if "accuracy" in change:
        row["scores"]["test"] |= change
    else:
        row |= change
    path.write_text("\n".join([json.dumps(row), *others]) + "\n")
    with pytest.raises(ValueError, match=r"metrics.jsonl: line 1 is no measurement; altered"):
        load(tiny_folder)


_IMPORT = {"layout": "mlp", "recognized": ["a"], "assumed": [], "dropped": []}
_PRUNED = {"run": "a", "step": 1, "layer": 0, "kept": 1, "neurons": 2, "threshold": 0.3}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("import.json", {**_IMPORT, "layout": 3}),
        ("import.json", {**_IMPORT, "recognized": [{}]}),
        ("import.json", {**_IMPORT, "assumed": "words"}),
        ("import.json", {**_IMPORT, "questioned": [None]}),
        ("import.json", {**_IMPORT, "dataset_known": "no"}),
        ("pruned.json", [{**_PRUNED, "rule": 3}]),
        ("pruned.json", [{**_PRUNED, "rule": "fixed", "threshold": "0.3"}]),
        ("pruned.json", [{**_PRUNED, "rule": "fixed", "step": None}]),
    ],
)
def test_origins_of_other_types_are_altered(tmp_path, name, content):
    (tmp_path / name).write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"expected what was .*; altered"):
        read_origin(tmp_path)


def test_origins_of_the_right_types_are_read(tmp_path):
    (tmp_path / "import.json").write_text(json.dumps({**_IMPORT, "file": None}))
    (tmp_path / "pruned.json").write_text(
        json.dumps([{**_PRUNED, "rule": "fixed", "threshold": 1}])
    )
    assert "layout mlp" in read_origin(tmp_path).words


def test_a_link_that_goes_round_in_circles_breaks_its_run_alone(tiny_folder):
    config = tiny_folder / "config.json"
    config.unlink()
    config.symlink_to("config.json")
    row = Catalog(tiny_folder.parent).contents().runs["tiny"]
    assert row.status == "broken"


def test_an_archive_that_unpacks_to_far_more_is_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, train_indices=np.zeros(2**17))
    assert path.stat().st_size < 2**12
    assert len(read_arrays(path)["train_indices"]) == 2**17
    monkeypatch.setattr(untrusted, "MOST_UNPACKED", 2**19)
    for read in (read_arrays, load_values):
        with pytest.raises(ValueError, match="expected at most 524288 bytes unpacked, got 10"):
            read(path)


def test_an_array_whose_header_cannot_be_parsed_is_told_in_a_short_line(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros(3))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"(3,), }", b"(3,    "))
    with pytest.raises(ValueError, match="cannot be read as arrays of numbers"):
        read_arrays(path)
    path.write_text("x" * 10_000)
    path = path.rename(tmp_path / "x.csv")
    with pytest.raises(ValueError, match="cannot be read as arrays of numbers") as caught:
        read_arrays(path)
    assert len(str(caught.value)) < 400


def test_a_table_with_a_damaged_answer_makes_no_network_of_gigabytes():
    answers = (np.arange(5)[:, None] + np.arange(5)) % 5
    answers[0, 0] = 24
    assert make_table(answers).n_answers == 25
    answers[0, 0] = 70_000_000
    with pytest.raises(ValueError, match="expected answers below 25, the number of pairs, got 700"):
        make_table(answers)
    with pytest.raises(ValueError, match="n_answers allows more"):
        make_table(answers)


W = torch.zeros(4, 22)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"w": W.to_sparse()}, "expected dense tensors of numbers, got one that is not"),
        ({"w": torch.zeros(2, device="meta")}, "expected dense tensors"),
        ({"model": {"w": [W.to_sparse()]}}, "expected dense tensors"),
        (
            {"w": torch.zeros(1).expand(100_000, 100_000)},
            "expected tensors whose values are in the file, got one of 40000000000 bytes",
        ),
        ({"checkpoints": [{"w": W}, 3], "steps": [0, 1]}, "expected tensors by name"),
        ({"checkpoints": [{"w": W}], "steps": 3}, "expected tensors by name"),
        ({"checkpoints": [{"w": W}], "steps": ["x"]}, "steps: expected whole numbers, got str 'x'"),
        ({"checkpoints": [{"w": W}], "steps": [0.5]}, "steps: expected whole numbers, got float"),
    ],
)
def test_pickles_of_odd_values_are_refused_in_one_line(tmp_path, content, words):
    path = tmp_path / "x.pth"
    torch.save(content, path)
    with pytest.raises(ValueError, match=words) as caught:
        read_foreign(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\x80\x02]" + b"]" * 9000 + b".", b"\x80\x02.", b"\x80\x02("])
def test_damaged_pickles_are_refused_in_one_line(tmp_path, content):
    path = tmp_path / "x.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"refused|cannot be read as a checkpoint"):
        read_foreign(path)


def test_an_optimizer_state_of_another_type_is_refused(tiny_folder):
    (tiny_folder / "DONE").unlink()
    for path in newest(tiny_folder).parent.iterdir():
        path.unlink()
    newest_left = tiny_folder / "checkpoints" / "step-000030"
    newest_left.rmdir()
    path = tiny_folder / "checkpoints" / "step-000010" / "optimizer.safetensors"
    arrays, about = read_tensors(path)
    name = next(one for one in arrays if one.endswith("exp_avg"))
    arrays[name] = arrays[name].astype(np.float16)
    write_tensors(path, arrays, about)
    with pytest.raises(ValueError, match=f"tensor {name}: expected float32, got torch.float16"):
        train(tiny_config(), tiny_folder)


@pytest.fixture()
def store(tmp_path: Path) -> FolderStore:
    """A sweep of one cell, whose record is there."""
    from interp.training.sweep.plan.cell import Cell

    found = FolderStore(tmp_path / "sweep")
    config = tiny_config()
    cell = Cell("0" * 16, config.model_dump_json())
    row = {"state": "confusion", "mean_ipr": 0.5}
    write_record(found, CellOutcome(cell, "done", row=row, seconds=1.0), keeps_runs=False)
    return found


AXES = ("data.fraction",)


def test_a_table_of_another_sweep_gives_way_to_the_records(store):
    """Its digest is right, but its columns have other types than the records'."""
    whole = gathered(store, AXES)
    odd = whole.table.set_column(0, "hash", pa.array(["1" * 16]))
    place = odd.schema.get_field_index("mean_ipr")
    odd = odd.set_column(place, "mean_ipr", pa.array([[{"a": 1}]]))
    store.write(
        "results.parquet", parquet(odd.replace_schema_metadata({"axes": '["data.fraction"]'}))
    )
    assert gathered(store, AXES).table.equals(whole.table)


@pytest.mark.parametrize(
    "change",
    [
        {"hash": "1"},
        {"status": 3},
        {"config": []},
        {"row": None},
        {"finished": "now"},
        {"seconds": "1"},
        {"sizes": {"DONE": "1"}},
        {"measured": {"bands": 3}},
        {"measured": {"bands": {"values": [], "problem": None}}},
        {"measured": {"bands": {"values": {}, "problem": 3}}},
    ],
)
def test_records_of_other_types_are_as_good_as_none(store, change):
    from interp.training.sweep.table.record import _digest

    assert read_record(store, "0" * 16) is not None
    content = json.loads(store.read(f"cells/{'0' * 16}.json"))
    text = json.dumps({**json.loads(content["record"]), **change})
    content |= {"record": text, "sha256": _digest(text)}
    store.write(f"cells/{'0' * 16}.json", json.dumps(content).encode())
    assert read_record(store, "0" * 16) is None


def test_values_of_several_types_in_one_column_become_text(store):
    from interp.training.sweep.plan.cell import Cell

    other = Cell("1" * 16, tiny_config(seed=1).model_dump_json())
    row = {"state": "confusion", "mean_ipr": [1]}
    write_record(store, CellOutcome(other, "done", row=row, seconds=1.0), keeps_runs=False)
    found = gathered(store, AXES).table["mean_ipr"].to_pylist()
    assert sorted(found) == ["0.5", "[1]"]


def test_tables_without_end_or_of_other_columns_are_as_good_as_none(store, monkeypatch):
    table = pa.table({"hash": ["a", "b"], "seed": [0, 1]})
    store.write("x.parquet", parquet(table.replace_schema_metadata({"axes": "[]"})))
    found = read_parquet(store, "x.parquet", text=("hash",))
    assert found is not None
    assert axes_of(found) == ()
    assert read_parquet(store, "x.parquet", text=("seed",)) is None
    assert read_parquet(store, "x.parquet", text=("state",)) is None
    assert read_parquet(store, "none.parquet") is None
    for axes in ("3", "[1]", "[", '["data.fraction"]'):
        assert axes_of(found.replace_schema_metadata({"axes": axes})) is None, axes
    monkeypatch.setattr(parquet_file, "_MOST_ENTRIES", 3)
    assert read_parquet(store, "x.parquet") is None
    assert pq.read_table(pa.BufferReader(store.read("x.parquet"))).num_rows == 2
