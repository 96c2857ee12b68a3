"""Commands in processes of their own, with the time and memory that they took."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

INTERP = (sys.executable, "-c", "from interp.cli.app import main; main()")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Took:
    """What a command took.

    Attributes:
        seconds: from its start to its end, imports included.
        bytes: the most memory that it kept, its workers not counted.
        out: what it wrote.
    """

    seconds: float
    bytes: int
    out: str

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.bytes / 2**20:.0f} MiB"


def interp(*arguments: object) -> Took:
    """Runs a command, which must succeed."""
    words = [*INTERP, *map(str, arguments)]
    began = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None and process.stderr is not None
    with process.stdout as out, process.stderr as err:
        said = out.read()
        wrong = err.read()
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (words, wrong.decode()[-2000:])
    assert b"Traceback" not in wrong, wrong.decode()[-2000:]
    return Took(time.perf_counter() - began, used.ru_maxrss * 1024, said.decode())


@dataclass(frozen=True)
class Explorer:
    """An explorer in a process of its own.

    Attributes:
        address: with its token.
        process: its number.
        said: the file that its standard error goes to.
    """

    address: str
    process: int
    said: Path

    @property
    def bytes(self) -> int:
        """Memory that it keeps now."""
        with open(f"/proc/{self.process}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def most_bytes(self) -> int:
        """The most that it has kept."""
        text = Path(f"/proc/{self.process}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+) kB", text)[0]) * 1024


@contextmanager
def explorer(folder: Path, said: Path) -> Iterator[Explorer]:
    """Starts an explorer over a folder, and ends it."""
    asked = [*INTERP, "explore", str(folder), "--port", "0"]
    with (
        said.open("w") as errors,
        subprocess.Popen(
            asked, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, (line, said.read_text())
        try:
            yield Explorer(found[0], process.pid, said)
        finally:
            process.terminate()
