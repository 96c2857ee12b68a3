"""State dicts before a layout is looked for: wrappers' prefixes, short numbers, constants."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from interp.exchange.layouts.layout import Tensors

PREFIXES = ("module.", "_orig_mod.", "model.")  # of DataParallel, torch.compile and Lightning
_CONSTANTS = ("*mask", "*IGNORE", "*num_batches_tracked", "*basis", "*fourier*", "*fourier_basis*")
_SHORT = (torch.float16, torch.bfloat16)
_ROUNDING = 1e-4  # of a Fourier basis in float32


@dataclass(frozen=True)
class Cleaned:
    """A state dict as the layouts expect it.

    Attributes:
        tensors: by name, without prefixes, in float32 or float64.
        constants: what was set aside: tensors that no training changes.
        recognized, dropped: what to tell, in a few words each.
    """

    tensors: Tensors
    constants: Tensors
    recognized: tuple[str, ...]
    dropped: tuple[str, ...]


def cleaned(tensors: Tensors, ignore: Sequence[str] = ()) -> Cleaned:
    """Strips prefixes, sets constants and ignored tensors aside, and widens short numbers.

    Args:
        tensors: the foreign state dict; not changed.
        ignore: patterns of names, with or without the prefixes.

    Raises:
        ValueError: if a pattern names no tensor, naming the nearest.
    """
    tensors, told = _without_prefixes(tensors)
    ignored = _ignored(tensors, ignore, told)
    constants = {k: one for k, one in tensors.items() if k not in ignored and _is_constant(k, one)}
    kept = {k: one for k, one in tensors.items() if k not in ignored and k not in constants}
    short = {str(one.dtype).removeprefix("torch.") for one in kept.values() if one.dtype in _SHORT}
    return Cleaned(
        {k: one.float() if one.dtype in _SHORT else one for k, one in kept.items()},
        constants,
        tuple([f"prefix {told!r} stripped"] * bool(told) + [f"{x} as float32" for x in short]),
        (*constants, *(f"{name}, as asked" for name in ignored)),
    )


def _without_prefixes(tensors: Tensors) -> tuple[Tensors, str]:
    """The tensors without what all of their names start with, and that."""
    told = ""
    while tensors:
        found = next((p for p in PREFIXES if all(name.startswith(p) for name in tensors)), None)
        if found is None:
            break
        tensors = {name.removeprefix(found): one for name, one in tensors.items()}
        told += found
    return tensors, told


def _ignored(tensors: Tensors, patterns: Sequence[str], prefix: str) -> list[str]:
    names: list[str] = []
    for pattern in patterns:
        found = [n for n in tensors if fnmatchcase(n, pattern) or fnmatchcase(prefix + n, pattern)]
        if not found:
            near = difflib.get_close_matches(pattern, tensors, n=1, cutoff=0)
            hint = f"; nearest is {near[0]}" if near else ""
            raise ValueError(f"ignore: expected the name of a tensor, got {pattern!r}{hint}")
        names += [name for name in found if name not in names]
    return names


def _is_constant(name: str, tensor: Tensor) -> bool:
    last = name.rpartition(".")[2]
    return any(fnmatchcase(last, pattern) for pattern in _CONSTANTS) or _is_fourier_basis(tensor)


def _is_fourier_basis(tensor: Tensor) -> bool:
    """Whether a square matrix is orthonormal with a constant among its rows or columns."""
    if tensor.ndim != 2 or not tensor.is_floating_point() or len(set(tensor.shape)) != 1:
        return False
    matrix, size = tensor.double(), len(tensor)
    level = size**-0.5
    flat = [
        bool(((one.abs() - level).abs() < _ROUNDING).all(1).any()) for one in (matrix, matrix.T)
    ]
    unit = torch.eye(size, dtype=matrix.dtype)
    return size > 1 and any(flat) and bool(((matrix @ matrix.T - unit).abs() < _ROUNDING).all())


def sizes_of_bases(constants: Mapping[str, Tensor]) -> set[int]:
    """P of the constant Fourier bases that were set aside."""
    return {len(one) for one in constants.values() if _is_fourier_basis(one)}
