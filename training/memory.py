"""Memory: how much there is, how it is allocated, and what to say where it does not do."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

# How torch and numpy tell how much they asked for in vain.
_BYTES = re.compile(r"tried to allocate (\d+) bytes")
_SIZE = re.compile(r"(?:[Uu]nable|[Tt]ried) to allocate ([\d.]+ [KMGTPE]?i?B|\d+ bytes)")
_WORDS = ("can't allocate memory", "out of memory", "Unable to allocate", "overflows size of")
# Settings of the C library's allocator, by the numbers of its mallopt.
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENAS = -1, -3, -8
_GROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def check_memory(needed: int, what: str, there: int | None = None) -> None:
    """Refuses what cannot fit, before any of it is made.

    Args:
        needed: bytes that it takes at least.
        what: it is, such as "a network of 10 weights".
        there: bytes that there are; by default this machine's.

    Raises:
        MemoryError: saying how much it needs and how much there is.
    """
    most = memory() if there is None else there
    if needed > most:
        raise MemoryError(f"{what} needs at least {size(needed)} of memory, there is {size(most)}")


def memory() -> int:
    """Bytes that this process can have at most: the machine's, or what it is allowed of them."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for place in _GROUPS:
        with suppress(OSError, ValueError):  # "max", or no such file
            limits.append(int(Path(place).read_text()))
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    limits += [allowed] if allowed != resource.RLIM_INFINITY else []
    return min(limits)


def size(count: int) -> str:
    """A number of bytes in the unit that suits it: ``77.6 TiB``."""
    value, unit = float(count), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.3g} {unit}"


def shortage(error: BaseException) -> str | None:
    """What to say of an error by which memory ran out; None of another one."""
    text = " ".join(str(error).split())
    if not isinstance(error, MemoryError) and not any(word in text for word in _WORDS):
        return None
    if found := _BYTES.search(text):
        return f"{size(int(found[1]))} more were asked for"
    if found := _SIZE.search(text):
        return f"{found[1]} more were asked for"
    return text or "none left"


def set_malloc(settings: Mapping[int, int]) -> None:
    """Sets how this process allocates memory, where the C library is one that can be told."""
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library: nothing to set
        return
    for name, value in settings.items():
        mallopt(name, value)
