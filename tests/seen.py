"""Which lines the tests run; SlipCover notes them, as tracing took a third of the tests' time.

``SEEN=1 pytest`` asks for it. What was noted is kept as coverage.py's data, so ``coverage report``
tells it as usual.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from coverage import Coverage, CoverageData

from tests.gate import LEAST, ROOT

_COMPILED = re.compile(r"^ *@(?:njit|inner).*\n(?: *@.*\n)* *def (\w+)", re.MULTILINE)
FOLDERS = [ROOT / folder for folders in LEAST for folder in folders]


def asked() -> bool:
    """Whether lines are to be noted."""
    return os.environ.get("SEEN", "") not in ("", "0")


def begin() -> Any:
    """Notes lines of those modules of ours that are imported from now on."""
    from slipcover import Slipcover

    noted = Slipcover(immediate=True)
    read = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
        code, path = read(loader, name), Path(loader.path).resolve()
        if code is None or not any(path.is_relative_to(one) for one in FOLDERS):
            return code
        return _but_compiled(code, noted.instrument(code), path.read_text())

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    return noted


def _but_compiled(plain: CodeType, changed: CodeType, source: str) -> CodeType:
    """What is changed to be noted, save the functions that numba compiles from their code."""
    compiled = set(_COMPILED.findall(source))
    if not compiled:
        return changed
    mine = [
        old if isinstance(old, CodeType) and compiled & {old.co_name, *_inside(old)} else new
        for old, new in zip(plain.co_consts, changed.co_consts, strict=False)
    ]
    return changed.replace(co_consts=(*mine, *changed.co_consts[len(mine) :]))


def _inside(code: CodeType) -> set[str]:
    """Names of the functions that a function defines."""
    return {one.co_name for one in code.co_consts if isinstance(one, CodeType)}


def keep(noted: Any) -> None:
    """Writes what this process has seen, beside what the others write."""
    data = CoverageData(str(ROOT / ".coverage"), suffix=True)
    lines: dict[str, set[int]] = {}
    for name, seen in noted.get_coverage()["files"].items():
        lines.setdefault(str((ROOT / name).resolve()), set()).update(seen["executed_lines"])
    data.add_lines(lines)
    data.write()


def together() -> Coverage:
    """All that was written, files that nobody imports among them; the pieces are gone."""
    found = Coverage(data_file=str(ROOT / ".coverage"))
    found.combine()
    found.get_data().touch_files([str(path) for path in _files()])
    found.save()
    return found


def forget() -> None:
    """Removes what earlier runs left."""
    CoverageData(str(ROOT / ".coverage")).erase(parallel=True)


def _files() -> Iterator[Path]:
    yield from {path.resolve() for folder in FOLDERS for path in folder.rglob("*.py")}
