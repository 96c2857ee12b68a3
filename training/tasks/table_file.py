"""Tables of answers as configurations have them: a file and a digest, or content of this process.

A configuration names a table by its digest. Where the content comes from is a place, which may
change: the file that was asked for, a run folder's copy, or an array in memory.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from interp.training import array_file
from interp.training.tasks.table import Table, make_table

# Every table that this process has met, by digest.
_KNOWN: dict[str, Table] = {}


def is_table_file(operation: str) -> bool:
    """Whether the text is a file's name rather than an operation's."""
    return operation.lower().endswith(array_file.KINDS)


def table_name(path: Path | str | None) -> str:
    """What titles call a table."""
    return "own table" if path is None else f"own table ({Path(path).name})"


def read_table(path: Path | str, n_answers: int | None = None) -> Table:
    """The table in a file.

    Raises:
        ValueError: naming the file, if there is none, or no table in it.
    """
    try:
        about = os.stat(path)
    except OSError:
        raise ValueError(f"{path}: no such file") from None
    return _read(str(path), n_answers, (about.st_mtime_ns, about.st_size))


@lru_cache(maxsize=64)
def _read(path: str, n_answers: int | None, stamp: tuple[int, int]) -> Table:
    del stamp  # of the content: a file that has changed is read again
    answers = array_file.read_array(path)
    try:
        return make_table(answers, n_answers)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def table_bytes(table: Table) -> bytes:
    """A table as the content of a ``.npy`` file."""
    file = io.BytesIO()
    np.save(file, table.answers, allow_pickle=False)
    return file.getvalue()


def remembered(table: Table) -> Table:
    """The table, which this process finds by its digest from now on."""
    return _KNOWN.setdefault(table.digest, table)


def find_table(digest: str, path: str | None, n_answers: int | None) -> Table:
    """The table of a digest: of this process, or in the file.

    Raises:
        ValueError: if it is in neither, or the file holds another table.
    """
    if digest in _KNOWN:
        return _KNOWN[digest]
    if path is None:
        raise ValueError(f"task.table: expected the file of table {digest}, got none")
    return remembered(_with_digest(read_table(path, n_answers), digest, path))


def _with_digest(table: Table, digest: str | None, path: object) -> Table:
    if digest not in (None, table.digest):
        raise ValueError(
            f"task.digest: expected table {digest}, but {path} holds {table.digest}; altered"
        )
    return table


def filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """The section ``task`` of a configuration with what follows from its table.

    Raises:
        ValueError: naming the field, if the table cannot be read or another field contradicts it.
    """
    given, digest = values.get("table"), values.get("digest")
    path = given if isinstance(given, str | Path) else None
    if path is not None:
        table = read_table(path, values.get("n_answers"))
        path = os.path.abspath(path)
    elif given is not None:
        table = make_table(given, values.get("n_answers"))
    else:
        table = find_table(str(digest), None, None)
    table = remembered(_with_digest(table, digest, path or "the array"))
    if values.get("p", table.p) != table.p:
        raise ValueError(
            f"task.p: expected {table.p}, of a table of {table.p}×{table.p}, got {values['p']}"
        )
    return {
        **values,
        "operation": values.get("operation", table_name(path)),
        "p": table.p,
        "table": path,
        "n_answers": table.n_answers,
        "digest": table.digest,
    }
