"""How fast a report is built, the explorer opens and its sliders answer.

``python -m tests.benchmarks.seeing`` trains the coexistence run with 50 checkpoints first (half a
minute), prints the table and writes it to ``tests/benchmarks/results/seeing.md``; two minutes on
two quiet cores. Needs Chromium.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from interp.training.config.run_config import RunConfig
from interp.training.sweep.plan.manifest import parquet
from tests.benchmarks.environment import told_environment
from tests.benchmarks.medians import in_digits, medians_page
from tests.benchmarks.timing import Spread
from tests.browser import launched, opened_page
from tests.sweep_results import made

RESULT = Path(__file__).parent / "results" / "seeing.md"
EXAMPLE = Path(__file__).parents[2] / "examples" / "coexistence.yaml"
INTERP = (str(Path(sys.executable).with_name("interp")),)
ROUNDS, MOVES = 3, 12
Row = tuple[str, Spread | str, str]


def main() -> None:
    with TemporaryDirectory() as folder, launched() as browser:
        root = Path(folder)
        run = root / "runs" / "coexistence"
        # 60 asked for on a logarithmic axis are 50 different steps.
        command("train", str(EXAMPLE), "--out", str(run), "--schedule.checkpoints", "60")
        rows = [*report_rows(run, root), first_page(browser, root), *slider_rows(browser, run)]
    text = page(rows)
    print(text)
    RESULT.write_text(text, encoding="utf-8")


def command(*arguments: str) -> float:
    """Seconds of a whole command."""
    start = time.perf_counter()
    subprocess.run([*INTERP, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def report_rows(run: Path, root: Path) -> list[Row]:
    """Time and size of the report of the coexistence run."""
    out = root / "report.html"
    seconds = [command("report", str(run), "--out", str(out)) for _ in range(ROUNDS)]
    count = len(list((run / "checkpoints").iterdir()))
    about = f"of the coexistence run, {count} checkpoints"
    return [
        (f"`interp report` {about}, seconds, imports included", Spread.of(seconds), "≤ 10"),
        (f"size of the report {about}, MB", f"{out.stat().st_size / 1e6:.2f}", "≤ 8"),
    ]


@contextmanager
def explored(folder: Path) -> Iterator[str]:
    """Address of an explorer in a process of its own."""
    asked = [*INTERP, "explore", str(folder)]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = None
        while address is None:
            address = re.search(r"http://[\d.:]+/", process.stdout.readline())
        yield address[0]
        process.terminate()


def first_page(browser: Any, root: Path) -> Row:
    """From the start of the command to table and diagram of 10,000 cells on the screen."""
    axes = {
        "data.fraction": [round(0.1 + 0.008 * i, 4) for i in range(100)],
        "data.corruption": [round(0.009 * i, 4) for i in range(100)],
    }
    config = json.dumps(RunConfig().to_dict())

    def outcome(fraction: float, corruption: float, seed: int) -> dict[str, Any]:
        state = "memorization" if fraction < 0.4 else "coexistence"
        return {"state": state, "phase": state, "test_accuracy": fraction, "config": config}

    results = made(axes, 1, outcome)
    place = root / "cells"
    place.mkdir()
    about = {"axes": json.dumps(results.axes)}
    (place / "results.parquet").write_bytes(parquet(results.table.replace_schema_metadata(about)))
    seconds = []
    for _ in range(ROUNDS):
        with opened_page(browser, viewport={"width": 1400, "height": 900}) as page:
            start = time.perf_counter()
            with explored(place) as address:
                page.goto(address)
                page.wait_for_selector(".ag-row")
                page.wait_for_function(
                    "document.querySelector('#diagram .js-plotly-plot')?._fullData"
                    "?.some(trace => trace.type === 'heatmap')"
                )
                seconds.append(time.perf_counter() - start)
    words = "`interp explore`, 10,000 cells: command to table and diagram on the screen, seconds"
    return words, Spread.of(seconds), "< 3"


def slider_rows(browser: Any, run: Path) -> list[Row]:
    """Milliseconds from a key on a slider to other numbers on the page."""
    with (
        explored(run.parent) as address,
        opened_page(browser, viewport={"width": 1400, "height": 900}) as page,
    ):
        page.goto(f"{address}?run={run.name}")
        page.wait_for_selector(".counts:not(:empty)")
        page.wait_for_timeout(12_000)  # every checkpoint has been prepared
        sliders = page.locator(".panel [role=slider]").all()
        return [
            (f"{name} slider of the explorer, milliseconds to other numbers", found, "≤ 200")
            for name, slider in zip(("threshold", "checkpoint"), sliders, strict=True)
            for found in [Spread.of([answer(page, slider) for _ in range(MOVES)])]
        ]


def answer(page: Any, slider: Any) -> float:
    """Of one move; the next one comes when everything has rested."""
    before = page.locator(".counts").inner_text()
    slider.focus()
    start = time.perf_counter()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "before => document.querySelector('.counts').innerText !== before",
        arg=before,
        polling=5,
    )
    milliseconds = 1000 * (time.perf_counter() - start)
    page.wait_for_timeout(800)
    return milliseconds


def page(rows: list[Row]) -> str:
    """The table as markdown."""
    how = f"{ROUNDS} rounds, {MOVES} moves a slider"
    about = f"`python -m tests.benchmarks.seeing` · {told_environment()} · {how}"
    told = [(words, _told(found), wanted) for words, found, wanted in rows]
    return medians_page("Report and explorer", about, told)


def _told(found: Spread | str) -> str:
    if not isinstance(found, Spread):
        return found
    return in_digits(found, 0 if found.median > 50 else 2)


if __name__ == "__main__":
    main()
