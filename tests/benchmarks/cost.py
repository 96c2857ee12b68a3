"""What a million runs cost on so many workers, and the page that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.environment import told_environment

WORKERS = (1, 8, 64)
RUNS, STEPS = 1_000_000, 2000
COHORTS = "cohorts of"  # in the name of a rate that cohorts reach


@dataclass(frozen=True)
class Cost:
    """What many runs cost.

    Attributes:
        rate: runs × steps a second of one worker.
        head: seconds that a head is busy with a cell.
        workers: at once.
        shards: False: one head hands out cells and works beside its workers, as Ray's does. True:
            each worker is a sweep of its own, and trains only when its head is done.
        start: seconds until a worker trains.
        runs, steps: how many of them, of how many steps each.
    """

    rate: float
    head: float
    workers: int
    shards: bool = False
    start: float = 10.0
    runs: int = RUNS
    steps: int = STEPS

    @property
    def seconds(self) -> float:
        """Until the last cell is done."""
        trained = self.runs * self.steps / (self.rate * self.workers)
        if self.shards:
            return self.start + trained + self.runs * self.head / self.workers
        return self.start + max(trained, self.runs * self.head)

    @property
    def efficiency(self) -> float:
        """Share of the workers' time that is training."""
        return self.runs * self.steps / (self.rate * self.workers * self.seconds)

    @property
    def most_workers(self) -> float:
        """How many one head can keep busy."""
        return self.steps / self.rate / self.head


def page(found: Mapping[str, Any], ray: float, rates: Mapping[str, float]) -> str:
    """The simulation, and the arithmetic.

    Args:
        found: what the simulation found.
        ray: seconds a cell of a real Ray.
        rates: runs × steps a second of one worker, by what it is.
    """
    about = told_environment()
    lines = [
        "# Scaling",
        "",
        f"`python -m tests.benchmarks.scaling` · {about}",
        "",
        "Simulated: workers, and the time that they take; Ray between them and the head. Real, and "
        "timed: plan, claims, executor, records on a disk, tables, everything else of the head. A "
        f"cell takes {found['seconds']:g} s on average (half to one and a half), a worker 10 s to "
        f"start; one cell in a thousand ends its worker ({found['died']} did). Other work on the "
        f"machine counts as the head's: its load was {found['load']:.1f}, where 1 is this alone.",
        "",
        *_simulation(found, ray),
        "",
        f"## A million runs of {STEPS} steps",
        "",
        "Arithmetic, from rates of one worker: p 97, N 500, full batch, at α .5, the mean of a "
        "diagram's; workers do not slow each other down. The Ray executor trains a run at a time "
        f"on a worker; what its one head and Ray take, {1e3 * (found['head'] + ray):.2f} ms a "
        "cell, is all the head's and goes on beside the workers. Cohorts on several cards are "
        "shards (`--shard i/n`), each with a head of its own, between whose cohorts the card "
        "waits. In brackets the share of the workers' time that is training; the last column is "
        "how many workers one head keeps busy.",
        "",
        "| worker | runs·steps/s | " + " | ".join(f"{n} workers" for n in WORKERS) + " | most |",
        "|---" * (3 + len(WORKERS)) + "|",
    ]
    lines += [_line(name, rate, found["head"], ray) for name, rate in rates.items()]
    for rate in (1e3, 1e4, 1e5):
        for name in ("*if* a worker made", f"*if*, as shards of {COHORTS} runs"):
            lines.append(_line(name, rate, found["head"], ray))
    if len(rates) == 1:
        lines += ["", "No card has been measured yet; `--gpu gpu.json` takes its rates in."]
    return "\n".join(lines) + "\n"


def _simulation(found: Mapping[str, Any], ray: float) -> list[str]:
    each = 1024 * (found["peak"] - found["imports"]) / found["cells"]
    rows = [
        (
            f"efficiency of {found['workers']} workers, {found['cells']:,} cells",
            f"{found['efficiency']:.3f}",
            "≥ 0.9",
        ),
        ("head busy a cell: plan, executor, record, table, ms", f"{1e3 * found['head']:.2f}", ""),
        ("of which waiting for the disk (fsync), ms", f"{1e3 * found['synced']:.2f}", ""),
        ("a cell with nothing to do through a real Ray, two actors, ms", f"{1e3 * ray:.2f}", ""),
        ("head's memory at its peak, MB", f"{found['peak']:.0f}", ""),
        ("of which after imports, MB", f"{found['imports']:.0f}", ""),
        ("memory a cell, kB; so for a million, GB", f"{each:.1f}; {each * 1e6 / 2**20:.1f}", ""),
    ]
    return ["| what | | wanted |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]


def _line(name: str, rate: float, head: float, ray: float) -> str:
    shards = COHORTS in name
    busy = head if shards else head + ray
    costs = [Cost(rate, busy, n, shards) for n in WORKERS]
    days = (f"{cost.seconds / 86400:.3g} days ({cost.efficiency:.2f})" for cost in costs)
    most = "" if shards else f"{costs[0].most_workers:,.0f}"
    return f"| {name} | {rate:,.0f} | {' | '.join(days)} | {most} |"
