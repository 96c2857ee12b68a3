"""What may happen to files of tensors, pickles and tables, beyond what may happen to any file.

Also what a file with a digest may hold where whoever wrote it made the digest fit.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import random
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from interp.training.runs.tensor_file import read_tensors, write_tensors
from tests.chaos.damage import Damage, bomb, changed, json_text, odd_array

_LENGTHS = (0, 1, 7, 2**20, 100_000_001, 2**31, 2**62, 2**63, 2**64 - 1)
_OFFSETS = ([0, 0], [0, 2**62], [2**62, 2**63], [-8, 8], [8, 0], [0], [], ["0", "8"], [0.5, 1.5])


def lying_header(path: Path, chance: random.Random) -> None:
    """A safetensors file whose header tells what is not so."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header, body = json.loads(content[8 : 8 + length]), content[8 + length :]
    if chance.random() < 0.25:
        told = chance.choice([*_LENGTHS, length + 8, length - 1])
        path.write_bytes(struct.pack("<Q", told) + content[8:])
        return
    one = header[chance.choice([name for name in header if name != "__metadata__"])]
    match chance.randrange(4):
        case 0:
            one["data_offsets"] = chance.choice(_OFFSETS)
        case 1:
            one["shape"] = chance.choice([[-1, 2], [2**62, 4], [0], ["3"], 3, [1] * 9999, [1e9]])
        case 2:
            one["dtype"] = chance.choice(["F8_E4M3", "BF16", "F16", "I64", "BOOL", "?", 3, "U8"])
        case _:
            changed(header, chance)
    text = json_text(header, chance).encode("utf-8", "surrogatepass")
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def signed(path: Path, chance: random.Random) -> None:
    """Other tensors or words, with a digest that fits."""
    arrays, about = read_tensors(path)
    name = chance.choice(list(arrays))
    match chance.randrange(6):
        case 0:
            del arrays[name]
        case 1:
            arrays[chance.choice(["x", "", "a/b", "ä"])] = arrays[name]
        case 2 if about:
            key = chance.choice(list(about))
            about[key] = chance.choice(["", "-1", "x", "9" * 5000, "{}", "[" * 9000, "null"])
        case _:
            found = odd_array(arrays[name], chance)
            if found.dtype.kind in "OU" or found.dtype.byteorder == ">":
                found = np.array([2**63 - 1])
            arrays[name] = np.ascontiguousarray(found) if found.ndim else found
    write_tensors(path, arrays, {key: str(one) for key, one in about.items()})


TENSORS: tuple[Damage, ...] = (*[lying_header] * 8, *[signed] * 8)
FOREIGN_TENSORS: tuple[Damage, ...] = (lying_header,) * 10


def signed_record(path: Path, chance: random.Random) -> None:
    """A record of a cell or a measure with other content, and a digest that fits."""
    whole = json.loads(path.read_bytes())
    if chance.random() < 0.2:
        path.write_text(json.dumps(changed(whole, chance)))
        return
    text = json_text(changed(json.loads(whole["record"]), chance), chance)
    whole |= {"record": text, "sha256": hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()}
    path.write_text(json.dumps(whole))


RECORDS: tuple[Damage, ...] = (signed_record,) * 16

# Pickles


def pickled(path: Path, chance: random.Random) -> None:
    """Plain values of another shape, by the way that torch saves."""
    content: Any = torch.load(path, weights_only=True)
    names = [name for name, one in content.items() if isinstance(one, torch.Tensor)]
    name = chance.choice(names or list(content))
    odd: list[Any] = [
        *([content], list(content.values()), 3, None, "x", {}, {"model": 3}, {"model": {}}),
        *({"state_dict": content}, {1: content[name]}, {"model": content, "config": 3}),
        *({**content, name: "x"}, {**content, name: None}, {**content, "step": "1"}),
        {**content, "step": float("nan")},
        {**content, name: torch.zeros(3, dtype=torch.complex64)},
        {**content, name: torch.full((4, 22), float("nan"))},
        {**content, name: torch.zeros(0, 0)},
        {**content, name: torch.zeros(4, 22).to_sparse()},
        {**content, name: torch.zeros(4, 22, device="meta")},
        {**content, name: torch.zeros(1).expand(100_000, 100_000)},
        {**content, name: torch.zeros(4, 22, dtype=torch.int8)},
        {**content, name: torch.quantize_per_tensor(torch.zeros(4, 22), 0.1, 0, torch.qint8)},
        {**content, name: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])},
        {"checkpoints": [content, 3], "steps": [0, 1]},
        {"checkpoints": [content], "steps": 3},
        {"checkpoints": [content], "steps": ["x"]},
        {"checkpoints": [content, content], "steps": [5, 5]},
        {"checkpoints": [content, content], "checkpoint_epochs": [-1, 10**30]},
        {"model": content, "train_indices": "x"},
        {"model": content, "train_indices": [[0]], "labels": {}},
        {"model": content, "train_indices": torch.tensor([10**9, -5])},
        {"model": content, "train_indices": [float("nan"), 1.5]},
        {"model": content, "config": {"n_layers": -1, "d_model": "x", "act_fn": []}},
    ]
    torch.save(chance.choice(odd), path, _use_new_zipfile_serialization=chance.random() < 0.8)


class _Runs:
    """What a pickle must never get to do."""

    def __reduce__(self) -> Any:
        return (open, ("/tmp/interp-chaos-was-here", "w"))


def with_code(path: Path, chance: random.Random) -> None:
    content = torch.load(path, weights_only=True)
    odd: list[Any] = [torch.nn.Linear(3, 3), {**content, "x": _Runs()}, _Runs(), {_Runs(): 1}]
    if chance.random() < 0.5:
        torch.save(chance.choice(odd), path)
    else:
        path.write_bytes(pickle.dumps(odd[1], protocol=chance.choice([0, 2, 4, 5])))


def inner_pickle(path: Path, chance: random.Random) -> None:
    """A right archive whose list of tensors lies or is damaged."""
    with zipfile.ZipFile(path) as found:
        members = {name: found.read(name) for name in found.namelist()}
    name = next(one for one in members if one.endswith("data.pkl"))
    content = bytearray(members[name])
    odd = [b"\x80\x02]" + b"]" * 30_000 + b".", b"\x80\x02", b"", b"." * 9]
    odd.append(b"\x80\x02" + b"(" * 100_000 + b"t" * 50_000 + b".")
    odd.append(b"\x80\x04\x8d" + struct.pack("<Q", 2**40) + b"x.")
    odd.append(b"\x80\x02r\xff\xff\xff\xff" + b"N.")
    if chance.random() < 0.6:
        for _ in range(chance.choice([1, 2, 10])):
            content[chance.randrange(len(content))] = chance.randrange(256)
        members[name] = bytes(content)
    else:
        members[name] = chance.choice(odd)
    if chance.random() < 0.3:
        del members[chance.choice(list(members))]
    with zipfile.ZipFile(path, "w") as made:
        for one, inside in members.items():
            made.writestr(one, inside)


PICKLES: tuple[Damage, ...] = (*[pickled] * 16, *[with_code] * 3, *[inner_pickle] * 8, *[bomb] * 3)

# Tables


def table(path: Path, chance: random.Random) -> None:
    """A right Parquet file of other columns, types or words."""
    found = pq.read_table(path)
    names = found.column_names
    name = chance.choice(names)
    place, rows = names.index(name), found.num_rows
    match chance.randrange(8):
        case 0:
            found = found.drop_columns([name])
        case 1:
            found = found.rename_columns([*names[:place], f"{name}.x", *names[place + 1 :]])
        case 2:
            found = found.slice(0, 0)
        case 3:
            found = pa.concat_tables([found, found])
        case 4:
            about = dict(found.schema.metadata or {})
            key = chance.choice([*about, b"axes"])
            about[key] = chance.choice([b"", b"3", b"null", b'["x"]', b"[" * 9000, b"[1, {}]"])
            found = found.replace_schema_metadata(about)
        case 5:
            found = found.append_column(chance.choice(["x", name, ""]), pa.array([1] * rows))
        case _:
            columns = [
                pa.nulls(rows),
                pa.array([float("nan")] * rows),
                pa.array(["x\0\n"] * rows),
                pa.array([[1]] * rows),
                pa.array([{"a": 1}] * rows),
                pa.array([b"\xff"] * rows),
                pa.array([2**62] * rows),
                pa.array([True] * rows),
                pa.array(["x"] * rows).dictionary_encode(),
                pa.array([10**15] * rows, pa.timestamp("us")),
            ]
            found = found.set_column(place, name, chance.choice(columns))
    pq.write_table(found, path)


def many_rows(path: Path, chance: random.Random) -> None:
    """A file of some kilobytes with half a billion rows, all alike."""
    old = pq.read_table(path)
    part = 10_000_000
    columns = {name: pa.nulls(part, old.schema.field(name).type) for name in old.column_names[1:]}
    numbers = pa.array(np.zeros(part))
    schema = pa.schema([("hash", pa.float64()), *[old.schema.field(name) for name in columns]])
    schema = schema.with_metadata(old.schema.metadata)
    piece = pa.table([numbers, *columns.values()], schema=schema)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for _ in range(50):
            writer.write_table(piece, row_group_size=part)


def table_damage(path: Path, chance: random.Random) -> None:
    """Bits of the footer, where a Parquet file tells its sizes."""
    content = bytearray(path.read_bytes())
    length = int.from_bytes(content[-8:-4], "little")
    start = max(len(content) - 8 - length, 0)
    for _ in range(chance.choice([1, 1, 2, 5])):
        content[chance.randrange(start, len(content) - 4)] = chance.randrange(256)
    path.write_bytes(bytes(content))


TABLES: tuple[Damage, ...] = (*[table] * 16, *[table_damage] * 8, *[many_rows] * 2)
