"""Commands that are killed, stopped or out of space, in forks of a process that has loaded all.

``python -m tests.chaos.dying FOLDER TRIALS`` prints how often, and what went wrong; TRIALS is a
list of command, what happens to it, and how often, as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from interp.training.config.run_config import parse_config
from interp.training.trainer.loop import train
from tests.shim import NEEDS_SPACE, full_disk, leftovers, really_killed
from tests.writing_commands import (
    Toys,
    check_mended,
    check_whole,
    run_quietly,
    toy_sizes,
    toys_in,
    undisturbed,
)

TINY = {
    "task": {"p": 11},
    "data": {"fraction": 0.6, "corruption": 0.3},
    "model": {"width": 16},
    "steps": 30,
    "schedule": {"evaluations": 10, "checkpoints": 4},
}
# Everything that a run remembers: momenta, batches, dropout, running statistics, an early end.
RUNS = {
    "adamw": {},
    "batches": {"optimizer": {"name": "sgd", "momentum": 0.9, "batch_size": 20}},
    "noise": {"model": {"width": 16, "dropout": 0.2, "norm": "batch"}},
    "transformer": {"model": {"kind": "transformer", "d_model": 8, "n_heads": 2}, "steps": 20},
}
_PATIENCE = 120  # seconds for a command of a tenth of a second


@dataclass(frozen=True)
class Trial:
    """One command, and what it makes when nothing disturbs it.

    Attributes:
        toys: what it reads.
        kind: which command.
        expected: the files that it makes.
        calls: that write, by name.
        seconds: of computing that it takes.
    """

    toys: Toys
    kind: str
    expected: dict[str, bytes]
    calls: list[str]
    seconds: float

    def run(self, out: Path) -> tuple[int, list[str]]:
        """Exit code and lines of the command."""
        return run_quietly(self.toys.command(self.kind, out))


def trial_of(folder: Path, kind: str) -> Trial:
    """Runs a command undisturbed, twice: the first time loads things."""
    name = kind.partition(":")[2]
    run = train(parse_config({**TINY, **RUNS.get(name, {})}), folder / "tiny")
    toys = toys_in(folder, run)
    kind = kind.partition(":")[0]
    undisturbed(toys, kind, folder / "first" / "out")
    began = time.process_time()
    expected, calls = undisturbed(toys, kind, folder / "undisturbed" / "out")
    return Trial(toys, kind, expected, calls, time.process_time() - began)


def in_fork(work: Callable[[], object]) -> int:
    """How a fork ended that did some work: its exit code, or minus the signal that killed it."""
    pid = os.fork()
    if pid == 0:
        code = 1
        with contextlib.suppress(Exception):
            signal.alarm(_PATIENCE)
            try:
                work()
                code = 0
            except BaseException as error:
                sys.stderr.write(f"{type(error).__name__}: {error}"[:2000])
                sys.stderr.flush()
        os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def killed_at_a_call(trial: Trial, out: Path, at: int) -> int:
    """Runs the command in a fork that is killed at a call."""

    def work() -> None:
        with really_killed(out.parent, at).between():
            trial.run(out)

    return in_fork(work)


def killed_at_a_moment(trial: Trial, out: Path, share: float) -> int:
    """Runs the command in a fork that is killed after a share of its computing."""

    def work() -> None:
        signal.setitimer(signal.ITIMER_PROF, max(share * trial.seconds, 1e-3))
        trial.run(out)

    return in_fork(work)


def stopped_and_continued(trial: Trial, out: Path, chance: random.Random) -> int:
    """Runs the command in a fork that sleeps now and then, and goes on."""
    pid = os.fork()
    if pid == 0:
        code = 1
        with contextlib.suppress(BaseException):
            signal.alarm(_PATIENCE)
            code = trial.run(out)[0]
        os._exit(code)
    while True:
        time.sleep(chance.uniform(0, trial.seconds / 4))
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.01)
        os.kill(pid, signal.SIGCONT)
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)


def out_of_space(trial: Trial, out: Path, at: int) -> None:
    """The command ends in one line, and nothing is damaged."""
    with full_disk(out.parent, at).between():
        code, lines = trial.run(out)
    assert (code, len(lines)) == (2, 1), (code, lines)
    assert lines[0].endswith("cannot be written (No space left on device)"), lines
    assert leftovers(out.parent) == []


def trials(trial: Trial, how: str, count: int, chance: random.Random) -> list[float]:
    """Which calls or moments; all calls if there are not more."""
    if how == "moments":
        return [chance.random() for _ in range(count)]
    every = range(1, len(trial.calls) + 1)
    if how == "space":
        every = [i for i in every if trial.calls[i - 1] in NEEDS_SPACE | {"half"}]
    return list(every) if len(every) <= count else sorted(chance.sample(list(every), count))


def try_one(trial: Trial, how: str, out: Path, at: float, chance: random.Random) -> int:
    """Disturbs the command once, and looks at what it leaves and at what becomes of it.

    Returns:
        1 if the command was killed or failed, 0 if it ended before that.
    """
    trial.toys.prepare(trial.kind, out)
    if how == "space":
        out_of_space(trial, out, int(at))
        ended = -1
    elif how == "stops":
        ended = stopped_and_continued(trial, out, chance)
        assert ended == 0, f"ended with {ended}"
    else:
        kill = killed_at_a_call if how == "calls" else killed_at_a_moment
        ended = kill(trial, out, at)  # type: ignore[arg-type]
        assert ended in (0, -signal.SIGKILL, -signal.SIGPROF), f"ended with {ended}"
        assert how == "moments" or ended, "it came to the call"
    check_whole(out, trial.expected)
    left = in_fork(lambda: check_mended(trial.toys, trial.kind, out, trial.expected))
    assert left == 0, "the same command again did not mend it"
    shutil.rmtree(out.parent)
    return int(ended != 0)


def tried(trial: Trial, place: Path, how: str, count: int) -> dict[str, object]:
    """What came of all trials of a kind; equal in every run."""
    chance, happened, wrong = random.Random(f"{trial.kind} {how}"), 0, []
    chosen = [0.0] * count if how == "stops" else trials(trial, how, count, chance)
    for number, at in enumerate(chosen):
        try:
            happened += try_one(trial, how, place / f"{how}-{number}" / "out", at, chance)
        except AssertionError as error:
            call = trial.calls[int(at) - 1] if how in ("calls", "space") else ""
            wrong.append(f"{trial.kind} {how} {at} {call}: {error}"[:3000])
    return {"tried": len(chosen), "happened": happened, "calls": len(trial.calls), "wrong": wrong}


def main(folder: Path, every: list[tuple[str, str, int]]) -> list[dict[str, object]]:
    """What came of every kind of trial."""
    torch.set_num_threads(1)
    made: dict[str, Trial] = {}
    found = []
    with toy_sizes():
        for kind, how, count in every:
            place = folder / kind.replace(":", "-")
            if kind not in made:
                place.mkdir()
                made[kind] = trial_of(place, kind)
            found.append(tried(made[kind], place, how, count))
    return found


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        outcomes = main(Path(sys.argv[1]), json.loads(sys.argv[2]))
    print(json.dumps(outcomes))
