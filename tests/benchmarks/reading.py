"""What commands cost that read a run: CPU seconds of processes of their own, imports included.

``python -m tests.benchmarks.reading`` trains the coexistence run with 50 checkpoints and one of
5,000 neurons first, prints the table and writes it to ``tests/benchmarks/results/reading.md``: five
minutes. One thread each, so that none waits for another one. Beside them the import of torch alone.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.environment import told_environment
from tests.benchmarks.medians import in_digits, medians_page
from tests.benchmarks.timing import Spread

ROOT = Path(__file__).parents[2]
RESULT = Path(__file__).parent / "results" / "reading.md"
EXAMPLE = ROOT / "examples" / "coexistence.yaml"
ROUNDS = 5
COMMAND = "import sys\nfrom interp.cli.app import main\nmain(sys.argv[1:])"
WORKER = """
import interp.training.sweep.executors.processes
from interp.analysis.sweeps.row import measure
from interp.training.config.run_config import parse_config
from interp.training.trainer.loop import train
config = {"task": {"p": 11}, "model": {"width": 16}, "data": {"corruption": 0.3}, "steps": 1}
measure(train(parse_config(config)))
"""
Row = tuple[str, Spread, str]


def main() -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        text = page([*small_rows(root), *report_rows(root)])
    print(text)
    RESULT.write_text(text, encoding="utf-8")


def seconds(code: str, *arguments: str) -> float:
    """CPU seconds of a fresh interpreter."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    one["PYTHONDONTWRITEBYTECODE"] = ""  # modules are compiled once, as where a user installs them
    before = used()
    subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=True,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, **one},
    )
    return used() - before


def used() -> float:
    """CPU seconds of all processes that were started and have ended."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def small_rows(root: Path) -> Iterator[Row]:
    """Commands on the coexistence run; rounds take turns."""
    run = str(root / "coexistence")
    seconds(COMMAND, "train", str(EXAMPLE), "--out", run, "--schedule.checkpoints", "60")
    asked: dict[str, tuple[str, Sequence[str], str]] = {
        "`import torch` alone": ("import torch", (), "–"),
        "a sweep worker: start, first cell of one step and its row": (WORKER, (), "≤ 2"),
        "`interp ipr`": (COMMAND, ("ipr", run), "≤ 1.2"),
        "`interp spectrum`": (COMMAND, ("spectrum", run), "≤ 1.2"),
        "`interp measure neurons`": (COMMAND, ("measure", "neurons", run), "≤ 1.2"),
        "`interp prune`, which computes with torch": (COMMAND, ("prune", run), "–"),
    }
    found: dict[str, list[float]] = {words: [] for words in asked}
    for _ in range(ROUNDS):
        for words, (code, arguments, _) in asked.items():
            found[words].append(seconds(code, *arguments))
    for words, (_, _, wanted) in asked.items():
        yield f"{words}, CPU seconds", Spread.of(found[words]), wanted


def report_rows(root: Path) -> Iterator[Row]:
    """Reports, and how large they are."""
    wide = str(root / "wide")
    seconds(COMMAND, "train", str(EXAMPLE), "--out", wide, "--model.width", "5000", "--steps", "60")
    out = root / "report.html"
    runs = {
        "of the coexistence run, 50 checkpoints": str(root / "coexistence"),
        "of 5,000 neurons, 60 steps": wide,
    }
    for about, run in runs.items():
        found = [seconds(COMMAND, "report", run, "--out", str(out)) for _ in range(2)]
        yield f"`interp report` {about}, CPU seconds on one thread", Spread.of(found), "–"
        yield f"size of the report {about}, MB", Spread.of([out.stat().st_size / 1e6]), "≤ 8"


def page(rows: list[Row]) -> str:
    """The table as markdown."""
    about = f"`python -m tests.benchmarks.reading` · {told_environment()} · {ROUNDS} rounds"
    told = [(words, in_digits(found, 2), wanted) for words, found, wanted in rows]
    return medians_page("Reading a run", about, told)


if __name__ == "__main__":
    main()
