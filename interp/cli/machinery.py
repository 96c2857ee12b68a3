"""The machine as it is: processor, memory, GPU, browser, folder for compiled code."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

from interp.cli.installed import found
from interp.training.lines import with_kind

# Where drivers of NVIDIA say that they are.
_DRIVERS = (Path("/proc/driver/nvidia/version"), Path("/dev/nvidiactl"))


def environment() -> dict[str, str]:
    """Python, system, cores, threads and memory, in words."""
    from interp.training.memory import memory, size

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = os.environ.get("OMP_NUM_THREADS")
    return {
        "python": f"{platform.python_version()}, {sys.executable}",
        "platform": platform.platform(),
        "cores": f"{cores}",
        "threads": f"{threads} (OMP_NUM_THREADS)" if threads else "one a core, by default",
        "memory": size(memory()),
    }


def gpu() -> tuple[bool, str]:
    """Whether networks can train on a GPU, and which or why not.

    Torch takes seconds to load, and is asked only where a driver and a build with CUDA or ROCm are.
    """
    build = found("torch")
    if build is None:
        return False, "torch is not installed"
    driver = shutil.which("nvidia-smi") is not None or any(map(Path.exists, _DRIVERS))
    if build.endswith("+cpu"):
        more = "; there is an NVIDIA driver, which a build with CUDA would use" if driver else ""
        return False, f"torch {build} is a build for CPUs alone{more}"
    if not driver and "rocm" not in build:
        return False, "no NVIDIA driver found"
    try:
        import torch

        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    except Exception as error:  # whatever its own code raises, such as of a library that is missing
        return False, f"torch cannot tell ({with_kind(error, 200)})"
    return bool(names), ", ".join(names) or f"torch {build} finds none that it can use"


def drawing() -> tuple[bool, str]:
    """Whether figures can be drawn as images: kaleido, and a browser that it starts."""
    from interp.figures.export import browser
    from interp.training.optional import is_there

    if not is_there("kaleido"):
        return False, "kaleido is not installed: pip install 'interp[images]'"
    place = browser()
    if place is not None:
        return True, place
    named = os.environ.get("BROWSER_PATH")
    why = f"BROWSER_PATH names no file: {named}" if named else "no Chromium or Chrome found"
    return False, f"{why}; Debian: apt install chromium; elsewhere: plotly_get_chrome"


def compiled() -> tuple[bool, str]:
    """Whether compiled training steps can be kept, and where.

    numba keeps them in the first of these that it can write to: NUMBA_CACHE_DIR, the folder of the
    code itself, the user's folder for caches.
    """
    from interp.training.trainer import __path__ as code

    named = os.environ.get("NUMBA_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    own = [Path(named)] if named else []
    places = [*own, Path(code[0]) / "compiled" / "__pycache__", Path(home) / "numba"]
    for place in places:
        if _can_write(place):
            return True, str(place)
    return False, "none of " + ", ".join(map(str, places)) + "; name one in NUMBA_CACHE_DIR"


def _can_write(place: Path) -> bool:
    """Whether a folder can be written to, or made."""
    there = next(one for one in (place, *place.parents) if one.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
