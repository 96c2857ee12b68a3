"""Prints the benchmark table and writes it to ``tests/benchmarks/results``.

``python -m tests.benchmarks`` takes two to three minutes; ``--full`` trains the run that is
reported for all of its 1000 steps.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch

from tests.benchmarks import rows
from tests.benchmarks.coexistence import coexistence_config
from tests.benchmarks.environment import environment
from tests.benchmarks.rows import MismatchError, Row
from tests.benchmarks.timing import Spread
from training.loop import train

RESULTS = Path(__file__).parent / "results"
THREADS = 2
SHORT, FULL = 200, 1000


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(THREADS)
    try:
        found = list(_measure(FULL if arguments.full else SHORT, arguments.rounds))
    except MismatchError as error:
        sys.exit(f"benchmark stopped, the sides do not compute the same: {error}")
    about = environment()
    text = _page(about, found)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "cpu.md").write_text(text, encoding="utf-8")
    (RESULTS / "cpu.json").write_text(_json(about, found), encoding="utf-8")
    print(text, end="")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"train {FULL} steps, not {SHORT}")
    parser.add_argument("--rounds", type=int, default=21, help="rounds of the short measurements")
    return parser.parse_args()


def _measure(steps: int, rounds: int) -> Iterator[Row]:
    some, few = max(1, rounds // 4), max(1, rounds // 7)
    rows.warm_up()
    yield from rows.training_step(rounds)
    with tempfile.TemporaryDirectory() as folder:
        run = train(coexistence_config(steps), Path(folder) / "coexistence")
        yield rows.pruning(run, some)
        yield rows.ipr_of_curves(run, rounds)
        yield rows.whole_report(Path(folder) / "coexistence", few)
    yield rows.memory(few)


def _page(about: dict[str, str], found: list[Row]) -> str:
    lines = [
        "# Benchmark on the CPU",
        "",
        " · ".join(f"{name} {value}" for name, value in about.items()),
        "",
        "Modulus 97, 500 neurons, α 0.5, ξ 0.35, float32. Sides take turns; medians over the "
        "rounds, range in brackets; the ratio is the median of the ratios within rounds. Both "
        "sides are checked to compute the same before they are timed.",
        "",
        "| what | ours | other side | ratio | target | met |",
        "|---|---|---|---|---|---|",
        *(_line(row) for row in found),
    ]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    other = "" if row.other is None else f"{row.other_name}: {_spread(row.other, row.unit)}"
    ratio = "" if row.ratio is None else _ratio(row.ratio)
    met = {None: "", True: "yes", False: "no"}[row.met]
    cells = (row.what, _spread(row.ours, row.unit), other, ratio, row.target, met)
    return "| " + " | ".join(cells) + " |"


def _spread(spread: Spread, unit: str) -> str:
    return f"{spread.median:.3g} {unit} ({spread.low:.3g}–{spread.high:.3g})"


def _ratio(spread: Spread) -> str:
    if spread.median < 0.1:
        return f"1/{1 / spread.median:.0f} (1/{1 / spread.low:.0f}–1/{1 / spread.high:.0f})"
    return f"{spread.median:.2f} ({spread.low:.2f}–{spread.high:.2f})"


def _json(about: dict[str, str], found: list[Row]) -> str:
    table = [{**asdict(row), "met": row.met} for row in found]
    return json.dumps({"environment": about, "rows": table}, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
