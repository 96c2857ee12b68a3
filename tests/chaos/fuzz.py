"""A thousand damaged files, and what every command and reader of their kind says of them.

``python -m tests.chaos.fuzz`` tries them all; ``--kind WORD`` some, ``--only 17`` one, with what
was said. Damage depends on the seed and the number of the file alone.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"))

from tests.chaos import damage as plain
from tests.chaos.forked import MOST_BYTES, MOST_SECONDS, command, forked
from tests.chaos.kinds import KINDS, Kind, make_examples

SEED = 15
_HIDDEN = ("note:", "step ", "stopped")


@dataclass(frozen=True)
class Case:
    """A file to be damaged.

    Attributes:
        number: of all, from 0 on.
        kind: of the file.
        chance: by which it is damaged.
    """

    number: int
    kind: Kind
    chance: random.Random


def cases(seed: int) -> Iterator[Case]:
    every = [kind for kind in KINDS for _ in range(kind.count)]
    for number, kind in enumerate(every):
        yield Case(number, kind, random.Random(f"{seed}:{number}"))


def try_case(case: Case, examples: Path, scratch: Path) -> list[dict[str, Any]]:
    """What went wrong with a file; empty if nothing did."""
    place = scratch / f"{case.number}"
    shutil.copytree(examples, place, symlinks=True)
    try:
        found = sorted(
            {one for pattern in case.kind.files for one in place.glob(pattern) if one.is_file()}
        )
        file = case.chance.choice(found)
        damages = [*plain.ANY, *case.kind.damages]
        damage = case.chance.choice(damages)
        try:
            damage(file, case.chance)
        except Exception as error:  # this damage is none of this file's; another will do
            plain.flip(file, case.chance) if file.is_file() else None
            del error
        where = f"{file.relative_to(place)}, {damage.__name__}"
        return [one | {"case": case.number, "where": where} for one in read_all(case, place, file)]
    finally:
        shutil.rmtree(place, ignore_errors=True)


def read_all(case: Case, place: Path, file: Path) -> list[dict[str, Any]]:
    readers = list(case.kind.readers)
    if len(readers) > 4:  # the first three always, of the others some
        readers = readers[:3] + case.chance.sample(readers[3:], 3)
    rows = []
    for reader in readers:
        ended = forked(lambda reader=reader: one_reader(reader, case, place, file))
        name = reader if isinstance(reader, str) else reader.__name__
        row = {"reader": name, "seconds": ended.seconds, "bytes": ended.bytes}
        row |= ended.value or {"problem": ended.problem, "code": None, "said": ""}
        if row["problem"] is None and ended.bytes > MOST_BYTES:
            row["problem"] = f"{ended.bytes / 2**30:.1f} GB of memory"
        rows.append(row)
    return rows


def one_reader(reader: Any, case: Case, place: Path, file: Path) -> dict[str, Any]:
    if not isinstance(reader, str):
        return of_function(reader, place, file)
    run = place / "runs" / file.relative_to(place).parts[1] if "{run}" in reader else None
    words = [
        word.format(file=file, place=place, run=run, new=place / "new") for word in reader.split()
    ]
    said = command(words)
    lines = [line for line in said.err.splitlines() if not line.startswith(("step ", "cell"))]
    lines = [line for line in lines if not line.startswith("interp: note: ") and not _bar(line)]
    problem = None
    if said.escaped:
        problem = "traceback: " + said.escaped
    elif said.code not in (0, 1, 2):
        problem = f"exit code {said.code}"
    elif "Traceback" in said.err or "Error:" in said.err.replace("SystemExit", ""):
        problem = "words of Python"
    elif said.code and (len(lines) != 1 or not lines[0].startswith("interp: ")):
        problem = f"not one line: {lines[:5]}"
    elif not said.code and lines:
        problem = f"words beside success: {lines[:5]}"
    elif said.code and "not enough memory" in lines[0]:
        problem = "read until there was no memory left"
    elif said.code and len(lines[0]) > 3000:
        problem = f"a line of {len(lines[0])} letters"
    return {"problem": problem, "code": said.code, "said": " ".join(lines)[-600:]}


def _bar(line: str) -> bool:
    """Progress of a sweep."""
    return not line.startswith("interp: ") and " of " in line and "done" in line


def of_function(reader: Any, place: Path, file: Path) -> dict[str, Any]:
    try:
        reader(place, file)
    except (ValueError, OSError, ArithmeticError) as error:
        words = str(error)
        fine = words and "\n" not in words and len(words) < 3000
        fine = fine and type(error).__module__.startswith(("builtins", "interp"))
        return {
            "problem": None if fine else f"{type(error)!r}: {words[:500]!r}",
            "code": 2,
            "said": words[:600],
        }
    except BaseException:
        lines = traceback.format_exc().splitlines()[-12:]
        return {"problem": "traceback: " + "\n".join(lines), "code": None, "said": ""}
    return {"problem": None, "code": 0, "said": ""}


def run(seed: int, chosen: list[Case], verbose: bool = False) -> dict[str, Any]:
    """Tries the cases; rows of what was read, and totals."""
    with tempfile.TemporaryDirectory(prefix="chaos-", dir=in_memory()) as folder:
        root = Path(folder)
        warm_up(root / "examples")
        rows: list[dict[str, Any]] = []
        began = time.monotonic()
        for case in chosen:
            found = try_case(case, root / "examples", root)
            rows += found
            for row in found:
                if verbose or row["problem"]:
                    print(json.dumps(row), flush=True)
        return {"rows": rows, "seconds": time.monotonic() - began}


def in_memory() -> str | None:
    """A folder that costs no disk, on which writers would wait for one another."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def warm_up(examples: Path) -> None:
    """Makes the examples, and imports and compiles everything by reading them whole."""
    from interp.exchange import publishing

    publishing.browser = lambda: None  # pictures are none of this
    out = sys.stdout
    sys.stdout = sys.stderr
    try:
        make_examples(examples)
    finally:
        sys.stdout = out
    chance = random.Random(0)
    for kind in KINDS:
        copy = examples.with_name("warm")
        shutil.copytree(examples, copy, symlinks=True)
        file = sorted(one for pattern in kind.files for one in copy.glob(pattern))[0]
        for reader in kind.readers:
            found = one_reader(reader, Case(0, kind, chance), copy, file)
            if found["problem"] or found["code"] not in (0, None):
                print("whole:", kind.name, reader, found, file=sys.stderr)
            for new in copy.glob("new*"):
                shutil.rmtree(new) if new.is_dir() else new.unlink()
        shutil.rmtree(copy)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.fuzz")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--share", default="0/1", help="i/n: every n-th file, from the i-th on")
    parser.add_argument("--kind", default="")
    parser.add_argument("--only", type=int, nargs="*")
    parser.add_argument("--every", action="store_true", help="print all that was read")
    parser.add_argument("--out", type=Path, help="of everything, as JSON")
    asked = parser.parse_args()
    first, of = map(int, asked.share.split("/"))
    chosen = [case for case in cases(asked.seed) if case.number % of == first]
    chosen = [case for case in chosen if asked.kind in case.kind.name]
    if asked.only:
        chosen = [case for case in chosen if case.number in asked.only]
    found = run(asked.seed, chosen, asked.every)
    wrong = [row for row in found["rows"] if row["problem"]]
    codes = collections.Counter(str(row["code"]) for row in found["rows"])
    most = max((row["bytes"] for row in found["rows"]), default=0)
    slow = max((row["seconds"] for row in found["rows"]), default=0.0)
    print(
        f"{len(chosen)} files, {len(found['rows'])} readings, {len(wrong)} wrong, codes "
        f"{dict(codes)}, most {most / 2**30:.2f} GB, longest {slow:.1f} s of {MOST_SECONDS:g}, "
        f"{found['seconds']:.0f} s",
        file=sys.stderr,
    )
    if asked.out:
        asked.out.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
