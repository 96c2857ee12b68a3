"""Peak memory of a short coexistence run, measured in a process of its own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_megabytes() -> float:
    """The most memory this process has held at once.

    Linux's own record is preferred: there, ``getrusage`` also counts the parent, up to the moment
    at which it started this process.
    """
    if _STATUS.exists():
        lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines() if ":" in line)
        return int(lines["VmHWM"].split()[0]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def measure_in_new_process(steps: int, threads: int) -> dict[str, float]:
    """Megabytes after the imports and at the end of a run of so many steps."""
    command = [sys.executable, "-m", "tests.benchmarks.memory", str(steps), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _measure(steps: int, threads: int) -> dict[str, float]:
    import torch

    from interp.training.trainer.loop import train
    from tests.benchmarks.coexistence import coexistence_config

    torch.set_num_threads(threads)
    imports = peak_megabytes()
    with tempfile.TemporaryDirectory() as folder:
        train(coexistence_config(steps), Path(folder) / "run")
    return {"imports": imports, "run": peak_megabytes()}


if __name__ == "__main__":
    print(json.dumps(_measure(int(sys.argv[1]), int(sys.argv[2]))))
