"""What the numbers depend on: date, hardware and versions."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch

_CPU_INFO = Path("/proc/cpuinfo")


def environment(device: torch.device = torch.device("cpu")) -> dict[str, str]:
    """Name and value of everything that should stand beside the table."""
    gpu = {"gpu": torch.cuda.get_device_name(device)} if device.type == "cuda" else {}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        **gpu,
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy", "numba")},
    }


def told_environment() -> str:
    """The same in one line."""
    return ", ".join(f"{name} {value}" for name, value in environment().items())


def processor() -> str:
    """Model name of the CPU, with the widest vector instructions that torch uses."""
    name = platform.processor() or platform.machine()
    if _CPU_INFO.exists():
        models = [line for line in _CPU_INFO.read_text().splitlines() if "model name" in line]
        name = models[0].split(":", 1)[1].strip() if models else name
    return f"{name} ({torch.backends.cpu.get_cpu_capability()})"
