"""Kills at any call or moment, full disks, stops: the same command again ends in the same bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.chaos.dying import RUNS
from tests.writing_commands import COMMANDS

ROOT = Path(__file__).parent.parent.parent

# 200 kills of training and 100 of sweeps: at a call that writes, or in the middle of one, and after
# any share of the computing.
TRAINING = [
    (f"train:{name}", how, count)
    for name in RUNS
    for how, count in (("calls", 35), ("moments", 15))
]
SWEEPS = [
    ("sweep", "calls", 40),
    ("sweep", "moments", 20),
    ("scores", "calls", 30),
    ("scores", "moments", 10),
]
OTHERS = sorted(COMMANDS.keys() - {"train", "sweep", "scores"})
KILLS = [(kind, "calls", 25) for kind in OTHERS]
SPACE = [(kind, "space", 40) for kind in sorted(COMMANDS)]
STOPS = [("train:adamw", "stops", 10), ("sweep", "stops", 5)]


Trials = list[tuple[str, str, int]]


def tried(folder: Path, trials: Trials) -> list[dict[str, object]]:
    """What a process of its own says of some trials."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.dying", str(folder), json.dumps(trials)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    print(done.stderr[-3000:])
    assert done.returncode == 0
    found: list[dict[str, object]] = json.loads(done.stdout.splitlines()[-1])
    return found


def all_mended(folder: Path, trials: Trials) -> int:
    """Trials of several kinds in two processes; gives how many there were."""
    halves = [trials[0::2], trials[1::2]]
    with ThreadPoolExecutor(2) as pool:
        every = list(pool.map(tried, (folder / "0", folder / "1"), halves))
    told = [*zip(halves[0], every[0], strict=True), *zip(halves[1], every[1], strict=True)]
    for (kind, how, _), found in told:
        print(kind, how, {key: found[key] for key in ("tried", "happened", "calls")})
    assert [found["wrong"] for _, found in told if found["wrong"]] == []
    for (_, how, _), found in told:
        assert how not in ("calls", "space") or found["happened"] == found["tried"]
    return sum(int(str(found["tried"])) for _, found in told)


def test_killed_trainings_end_in_the_same_bits(tmp_path):
    assert all_mended(tmp_path, TRAINING) >= 200


def test_killed_sweeps_end_in_the_same_bits(tmp_path):
    assert all_mended(tmp_path, SWEEPS) >= 100


# In parts, as no test may take longer than five minutes.
@pytest.mark.parametrize("part", range(4))
def test_every_other_command_mends_what_a_kill_left(tmp_path, part):
    assert all_mended(tmp_path, KILLS[part::4]) > 0


@pytest.mark.parametrize("part", range(4))
def test_a_full_disk_damages_nothing_at_any_write(tmp_path, part):
    assert all_mended(tmp_path, SPACE[part::4]) > 0


def test_a_command_that_sleeps_now_and_then_goes_on(tmp_path):
    assert all_mended(tmp_path, STOPS) == 15
