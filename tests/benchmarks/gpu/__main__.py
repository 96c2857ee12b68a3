"""Checks and measures one card, and writes ``gpu.md`` and ``gpu.json``.

``python -m tests.benchmarks.gpu --out FOLDER`` takes 25 minutes at most: whether the card computes
what the processor does, how fast it is, and the paper's diagram of 1,292 runs, or as much of it as
the time allows (``--budget``). ``--device cpu --toy`` only shows that every part starts.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from interp.training.trainer.device import find_device
from tests.benchmarks.environment import environment
from tests.benchmarks.gpu.item import Place, Row
from tests.benchmarks.gpu.page import as_json, page
from tests.benchmarks.gpu.parts import PARTS, apart, child, command_for, here


def main(given: Sequence[str] | None = None) -> None:
    arguments = _arguments(given)
    try:
        find_device(arguments.device)
    except ValueError as error:
        sys.exit(str(error))
    place = Place(arguments.device, arguments.toy, arguments.budget)
    if arguments.part:
        child(arguments.part, place, getattr(arguments, "from"), arguments.rows)
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = gathered(place, arguments.out, arguments.together)
    print((arguments.out / "gpu.md").read_text(encoding="utf-8"), end="")
    if any(row.status in ("error", "did not hold") for row in rows):
        sys.exit(1)


def gathered(place: Place, out: Path, together: bool) -> list[Row]:
    """Does every part; the files are there, and right so far, after each."""
    rows: list[Row] = []
    started, about = time.monotonic(), _about(place)
    for part, (items, share) in PARTS.items():
        left = place.seconds - (time.monotonic() - started)
        own = Place(place.device, place.toy, min(left, share * place.seconds))
        if together:
            rows += here(part, own, items())
        else:
            rows += apart(part, own, list(items()), out, command_for)
        (out / "gpu.md").write_text(page(about, place, rows), encoding="utf-8")
        (out / "gpu.json").write_text(as_json(about, place, rows), encoding="utf-8")
    return rows


def _about(place: Place) -> dict[str, str]:
    about = environment(place.torch_device)
    if place.device == "cuda":
        card = torch.cuda.get_device_properties(place.torch_device)
        about["memory"] = f"{card.total_memory / 2**30:.0f} GiB"
        about["cuda"] = str(torch.version.cuda)
    return {**about, "budget": f"{place.seconds:g} s"}


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for gpu.md and gpu.json")
    parser.add_argument("--budget", type=float, default=1500.0, help="seconds; 1500")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--toy", action="store_true", help="tiny sizes: does everything start?")
    parser.add_argument("--together", action="store_true", help="all parts in this process")
    parser.add_argument("--part", choices=list(PARTS), help=argparse.SUPPRESS)
    parser.add_argument("--from", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
