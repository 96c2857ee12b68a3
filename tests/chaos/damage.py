"""What may happen to a file: cut, flipped, of another kind, endless, deep, lying about its size.

Every damage takes a file that is right and a generator of chance, and leaves something else in its
place; what it is called says which.
"""

from __future__ import annotations

import io
import json
import os
import random
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

Damage = Callable[[Path, random.Random], None]
HUGE = 8 * 2**30  # bytes of a file with holes; more than any command may keep in memory


def cut(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content) or 1)])


def flip(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 1, 3, 30])):
        if content:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(content))


def flip_early(path: Path, chance: random.Random) -> None:
    """Where headers stand."""
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 2, 8])):
        if content:
            content[chance.randrange(min(len(content), 200))] = chance.randrange(256)
    path.write_bytes(bytes(content))


def lose_middle(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    first, last = sorted(chance.randrange(len(content) or 1) for _ in range(2))
    path.write_bytes(content[:first] + content[last:])


def repeat(path: Path, chance: random.Random) -> None:
    path.write_bytes(path.read_bytes() * chance.choice([2, 3]))


def nothing(path: Path, chance: random.Random) -> None:
    path.write_bytes(b"")


def zeros(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(b"\0" * len(content))


def zeros_inside(path: Path, chance: random.Random) -> None:
    content, place = path.read_bytes(), chance.randrange(path.stat().st_size or 1)
    path.write_bytes(content[:place] + b"\0\0\0" + content[place:])


def noise(path: Path, chance: random.Random) -> None:
    path.write_bytes(chance.randbytes(chance.choice([1, 7, 8, 9, 100, 5000])))


_OTHERS = (
    b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
    b"\x7fELF" + b"\1" * 100,
    b"<!DOCTYPE html><html><body>404</body></html>\n",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n",
    b"null",
    b"[]",
    b"{}",
    b"0",
    b'""',
    b"true",
    b"- a\n- b\n",
    b"PK\x05\x06" + b"\0" * 18,
    b"PAR1PAR1",
    b"\x93NUMPY\x01\x00",
    b"\x80\x02}q\x00.",
    b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    b"\x08\0\0\0\0\0\0\0{}      ",
    b"\xff" * 16,
    b"\x1f\x8b\x08" + b"\0" * 30,
)


def other_kind(path: Path, chance: random.Random) -> None:
    path.write_bytes(chance.choice(_OTHERS))


def other_letters(path: Path, chance: random.Random) -> None:
    text = path.read_bytes().decode("latin-1")
    name = chance.choice(["utf-16", "utf-32", "cp037", "utf-8-sig"])
    path.write_bytes(text.encode(name, "replace"))


def no_letters(path: Path, chance: random.Random) -> None:
    content, place = path.read_bytes(), chance.randrange(path.stat().st_size or 1)
    path.write_bytes(content[:place] + b"\xff\xfe\xed\xa0\x80" + content[place:])


def endless(path: Path, chance: random.Random) -> None:
    """A file with holes that says it has gigabytes; before or behind what was in it."""
    if chance.random() < 0.5:
        path.write_bytes(b"")
    os.truncate(path, HUGE)


def one_long_line(path: Path, chance: random.Random) -> None:
    path.write_bytes(chance.choice([b"a", b"1", b"-", b"\t", b"%"]) * 3_000_000)


def pipe(path: Path, chance: random.Random) -> None:
    path.unlink()
    os.mkfifo(path)


def listening(path: Path, chance: random.Random) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as made:
        before = os.getcwd()
        os.chdir(path.parent)  # a socket's whole name has at most 107 letters
        try:
            made.bind(path.name)
        finally:
            os.chdir(before)


def folder(path: Path, chance: random.Random) -> None:
    path.unlink()
    path.mkdir()


def gone(path: Path, chance: random.Random) -> None:
    path.unlink()


def circle(path: Path, chance: random.Random) -> None:
    path.unlink()
    path.symlink_to(path.name)


def device(path: Path, chance: random.Random) -> None:
    path.unlink()
    path.symlink_to(chance.choice(["/dev/zero", "/dev/full", "/dev/null", "/dev/tty", "nowhere"]))


# Of any file.
ANY: tuple[Damage, ...] = (
    *(cut, cut, flip, flip, flip_early, lose_middle, repeat, nothing, zeros, zeros_inside, noise),
    *(other_kind, other_kind, other_letters, no_letters, endless, one_long_line),
    *(pipe, listening, folder, gone, circle, device),
)

# Texts with structure: JSON, lines of JSON, YAML.

_DEEP = 30_000
_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 10**30, -(10**30), 2**63, 1e308, float("nan"), float("inf")),
    *("", "30", "nan", "1e999", "a\nb", "\0", "\x1b[2J", "\ud800", "ä" * 300, "[bold]x[/bold]"),
    *([], [1], [[]], [None], {}, {"a": 1}, {"": ""}, "../../x", "/dev/zero", "nowhere.npy"),
)


def places_of(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value within a nested one."""
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for key, one in inner:
        yield (*at, key)
        yield from places_of(one, (*at, key))


def changed(value: Any, chance: random.Random) -> Any:
    """Nested data with one value replaced, lost, renamed or added."""
    places = list(places_of(value))
    if not places or chance.random() < 0.05:
        return chance.choice(_ODD)
    *way, last = chance.choice(places)
    holder = value
    for key in way:
        holder = holder[key]
    kind = chance.choice(["replace", "replace", "replace", "replace", "lose", "rename", "add"])
    if kind == "replace":
        odd = chance.choice([*_ODD, str(holder[last]), [holder[last]], {"a": holder[last]}])
        holder[last] = odd
    elif kind == "lose":
        del holder[last]
    elif isinstance(holder, dict):
        name = chance.choice(["unknown", "", "__class__", "p", "format", last * 2])
        holder[name] = holder.pop(last) if kind == "rename" else chance.choice(_ODD)
    else:
        holder.extend([chance.choice(_ODD)] * 3)
    return value


def json_text(value: Any, chance: random.Random) -> str:
    """JSON as others write it, with numbers that Python does not print."""
    text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
    if chance.random() < 0.2:
        text = text.replace("Infinity", "1e999").replace("NaN", "-1e999")
    if chance.random() < 0.1:
        digits = [i for i, one in enumerate(text) if one.isdigit()]
        if digits:
            place = chance.choice(digits)
            text = text[:place] + "9" * chance.choice([400, 5000]) + text[place:]
    return text


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8", "surrogatepass"))


def json_value(path: Path, chance: random.Random) -> None:
    value = changed(json.loads(path.read_bytes()), chance)
    _write(path, json_text(value, chance))


def json_line(path: Path, chance: random.Random) -> None:
    lines = path.read_bytes().decode().splitlines()
    place = chance.randrange(len(lines))
    lines[place] = json_text(changed(json.loads(lines[place]), chance), chance)
    if chance.random() < 0.2:
        chance.shuffle(lines)
    _write(path, "\n".join(lines) + "\n")


def deep(path: Path, chance: random.Random) -> None:
    opening, closing = chance.choice([("[", "]"), ('{"a":', "}")])
    bottom = "1" if opening != "[" else ""
    text = opening * _DEEP + bottom + (closing * _DEEP if chance.random() < 0.7 else "")
    old = path.read_bytes().decode("utf-8", "replace")
    if ":" in old and chance.random() < 0.5:  # in the place of a value
        start = chance.choice([i for i, one in enumerate(old) if one == ":"])
        text = f"{old[: start + 1]} {text}{old[start + 1 :]}"
    _write(path, text)


def key_twice(path: Path, chance: random.Random) -> None:
    lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    place = chance.randrange(len(lines) or 1)
    lines[place:place] = lines[place : place + chance.choice([1, 2, 5])]
    _write(path, "\n".join(lines) + "\n")


def yaml_value(path: Path, chance: random.Random) -> None:
    value = changed(yaml.safe_load(path.read_bytes()), chance)
    _write(path, yaml.safe_dump(value, sort_keys=False, allow_unicode=chance.random() < 0.5))


_YAML = (
    *("&a [*a]\n", "a: &a {b: *a}\n", "!!python/object/apply:os.system ['true']\n", "? [a]\n: b\n"),
    *(
        "<<: 1\n",
        "<<: [1, 2]\n",
        "<<: &a {<<: *a}\n",
        "--- a\n--- b\n",
        "a: !!int x\n",
        "%YAML 9\n",
    ),
    *("2001-99-99: 1\n", "a: 2001-12-14\n", "1: 2\n", "null: 1\n", "[1]: 2\n", "{a: 1}: 2\n"),
    *("a: 0x" + "f" * 9000 + "\n", "a: 190:20:30\n", "a: !!binary x\n", "a: !!set {1, 2}\n"),
    *("a: !!timestamp 9\n", "a: 1_000\n", "a: .inf\n", "a: *b\n", "\tb: 1\n", "a: |\n b\n c: d\n"),
    *("!!omap [a: 1]\n", "!!pairs [a: 1]\n", "a: !!float z\n", "a: !!bool maybe\n", "!!map [1]\n"),
    *("a: 0b\n", "a: 1:99:99:99\n", "a: 0o9\n", "a: 2001-02-30\n", "? {a: 1}\n", "a: !!null x\n"),
    *("a: 2001-01-01T25:61:61Z\n", "a: 2001-01-01T00:00:00+99:99\n", "a: !!seq {}\n"),
)
_BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)


def yaml_words(path: Path, chance: random.Random) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    odd = chance.choice([*_YAML, *_YAML, _BOMB])
    lines = text.splitlines(keepends=True)
    place = chance.randrange(len(lines) + 1)
    indent = chance.choice(["", "", "  "])
    _write(path, "".join([*lines[:place], indent + odd, *lines[place:]]))


JSON: tuple[Damage, ...] = (*[json_value] * 14, *[deep] * 2, key_twice)
LINES: tuple[Damage, ...] = (*[json_line] * 12, deep, key_twice)
YAML: tuple[Damage, ...] = (*[yaml_value] * 12, *[yaml_words] * 6, *[deep] * 2, key_twice)

# Arrays

_SHAPES = ((), (0,), (-1,), (2**62,), (10**12,), (1, 1, 1), (11, 12), (5, 10**9), (3,) * 40)
_TYPES = ("<f8", "<f4", ">f8", "<i8", "|u1", "<f2", "<c8", "<U7", "|S5", "|O", "<M8[s]", "|b1")


def npy_bytes(array: np.ndarray, chance: random.Random | None = None) -> bytes:
    """An array as ``.npy``; with chance its header may say what it likes."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    if chance is None:
        return file.getvalue()
    shape = chance.choice([array.shape, *_SHAPES])
    descr = chance.choice([array.dtype.str, *_TYPES, [("a", "<f8"), ("b", "<i4")], "<f8" * 99, 3])
    header = repr({"descr": descr, "fortran_order": chance.random() < 0.5, "shape": shape})
    if chance.random() < 0.1:
        header = "[" * chance.choice([9, 5000]) + header
    text = header.encode() + b" " * (-(len(header) + 11) % 64) + b"\n"
    length = chance.choice([len(text)] * 4 + [0, 65535])
    start = b"\x93NUMPY" + chance.choice([b"\x01\0", b"\x01\0", b"\x02\0", b"\x09\0"])
    body = np.ascontiguousarray(array).tobytes()
    return start + struct.pack("<H", length) + text + body


def odd_array(array: np.ndarray, chance: random.Random) -> np.ndarray:
    """Numbers of another shape, type or size; a right ``.npy`` all the same."""
    flat = np.array(array, dtype=np.float64)
    spoiled = flat.copy()
    spoiled.flat[chance.randrange(spoiled.size or 1)] = chance.choice([np.nan, np.inf, -1e308, -7])
    return chance.choice(
        [
            spoiled,
            array.astype(np.complex64),
            array.astype(bool),
            array.astype(np.float16),
            array.astype(np.uint8),
            array.astype(">i4"),
            array.astype("U9"),
            array.astype(object),
            array[:-1] if array.ndim else array,
            array.T.copy(),
            array[None],
            array.reshape(-1),
            np.zeros(0),
            np.array(3),
            np.zeros((0, 5)),
            np.array([{"a": 1}], dtype=object),
            np.array(["nan", "x"]),
            np.array([2**64 - 1], dtype=np.uint64),
            np.full_like(flat, 1e300),
        ]
    )


def npy(path: Path, chance: random.Random) -> None:
    array = np.load(path)
    lying = chance.random() < 0.5
    path.write_bytes(npy_bytes(array, chance) if lying else npy_bytes(odd_array(array, chance)))


def _zip(path: Path, members: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", kind) as made:
        for name, content in members.items():
            made.writestr(name, content)


def npz(path: Path, chance: random.Random) -> None:
    with np.load(path) as found:
        members = {f"{name}.npy": npy_bytes(found[name]) for name in found.files}
    name = chance.choice(list(members))
    array = np.load(io.BytesIO(members[name]))
    match chance.randrange(7):
        case 0 | 1:
            members[name] = npy_bytes(odd_array(array, chance))
        case 2 | 3:
            members[name] = npy_bytes(array, chance)
        case 4:
            del members[name]
        case 5:
            members[chance.choice(["x.npy", "", "a/../b.npy", "note.txt", "fc1.weight.npy"])] = b"?"
        case _:
            members[name] = chance.choice([b"", b"\x93NUMPY", chance.randbytes(200)])
    _zip(path, members, chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))


def deflated_zeros(gigabytes: int) -> bytes:
    """A few megabytes that unpack to gigabytes of zeros."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = squeeze.compress(bytes(2**26)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    again = squeeze.compress(bytes(2**26)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return first + again * (16 * gigabytes - 1) + squeeze.flush(zlib.Z_FINISH)


def bomb(path: Path, chance: random.Random) -> None:
    """A zip of a few megabytes with an array of gigabytes in it, under the name of a right one."""
    with zipfile.ZipFile(path) as found:
        members = {name: found.read(name) for name in found.namelist()}
    name = max(members, key=lambda one: len(members[one]))
    gigabytes = 4
    header = repr({"descr": "<f8", "fortran_order": False, "shape": (gigabytes * 2**27,)})
    text = header.encode() + b" " * (-(len(header) + 11) % 64) + b"\n"
    start = b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text
    start = start if name.endswith(".npy") else b""
    raw = deflated_zeros(gigabytes)
    size = gigabytes * 2**30 + len(start)
    stored = b"\0" + struct.pack("<HH", len(start), len(start) ^ 0xFFFF) + start if start else b""
    others = {one: content for one, content in members.items() if one != name}
    _zip(path, others)
    _add_raw(path, name, stored + raw, size)


def _add_raw(path: Path, name: str, raw: bytes, size: int) -> None:
    """Adds a member whose packed bytes are given; its checksum is that of nothing."""
    with zipfile.ZipFile(path, "a") as made:
        about = zipfile.ZipInfo(name)
        about.compress_type = zipfile.ZIP_DEFLATED
        about.file_size, about.compress_size, about.CRC = size, len(raw), 0
        about.header_offset = made.start_dir
        made.fp.seek(made.start_dir)
        made.fp.write(about.FileHeader(zip64=True))
        made.fp.write(raw)
        made.start_dir = made.fp.tell()
        made.filelist.append(about)
        made.NameToInfo[name] = about
        made._didModify = True


def csv(path: Path, chance: random.Random) -> None:
    lines = path.read_text().splitlines()
    place = chance.randrange(len(lines))
    cells = lines[place].split(",")
    odd = ["", "nan", "inf", "1e999", "x", "-1", "1.5", '"1"', "1;2", "9" * 400, "#1", " ", "1,2"]
    cells[chance.randrange(len(cells))] = chance.choice(odd)
    lines[place] = ",".join(cells)
    extra = chance.choice([[], [], ["1,2,3"], [""], ["# note"], [",".join(["1"] * 100_000)]])
    path.write_text("\n".join([*lines, *extra]))


NPY: tuple[Damage, ...] = (npy,) * 12
NPZ: tuple[Damage, ...] = (*[npz] * 12, *[bomb] * 3)
CSV: tuple[Damage, ...] = (csv,) * 8
