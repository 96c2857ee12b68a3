"""Prints the benchmark tables and writes them to ``tests/benchmarks/results``.

``python -m tests.benchmarks`` takes three to four minutes; ``--full`` trains the run that is
reported for all of its 1000 steps. ``--device cuda`` measures training steps alone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from interp.training.trainer.device import find_device
from interp.training.trainer.loop import train
from tests.benchmarks import rows
from tests.benchmarks.coexistence import coexistence_config
from tests.benchmarks.deep_rows import deep_steps
from tests.benchmarks.environment import environment
from tests.benchmarks.network_rows import network_steps
from tests.benchmarks.page import as_json, page
from tests.benchmarks.row import MismatchError, Row
from tests.benchmarks.small_rows import minibatch_steps, small_networks
from tests.benchmarks.tables import tables

RESULTS = Path(__file__).parent / "results"
THREADS = 2
SHORT, FULL = 200, 1000


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(THREADS)
    device = find_device(arguments.device)
    found: list[Row] = []
    try:
        if device.type == "cpu":
            found += _measure(FULL if arguments.full else SHORT, arguments.rounds)
        found += network_steps(arguments.rounds, device)
        found += deep_steps(arguments.rounds, device)
        if device.type == "cpu":
            found += minibatch_steps(arguments.rounds)
            found += small_networks(arguments.rounds)
    except MismatchError as error:
        sys.exit(f"benchmark stopped, the sides do not compute the same: {error}")
    results = environment(device), found, list(tables(arguments.rounds, device))
    text = page(*results)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{device.type}.md").write_text(text, encoding="utf-8")
    (RESULTS / f"{device.type}.json").write_text(as_json(*results), encoding="utf-8")
    print(text, end="")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"train {FULL} steps, not {SHORT}")
    parser.add_argument("--rounds", type=int, default=21, help="rounds of the short measurements")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    return parser.parse_args()


def _measure(steps: int, rounds: int) -> Iterator[Row]:
    some, few = max(1, rounds // 4), max(1, rounds // 7)
    yield from rows.training_step(rounds)
    rows.warm_up()
    with tempfile.TemporaryDirectory() as folder:
        run = train(coexistence_config(steps), Path(folder) / "coexistence")
        yield rows.pruning(run, some)
        yield rows.ipr_of_curves(run, rounds)
        yield rows.whole_report(Path(folder) / "coexistence", few)
    yield rows.memory(few)


if __name__ == "__main__":
    main()
