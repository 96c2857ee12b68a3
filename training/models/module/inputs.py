"""How pairs of operands become a module's arguments, and its output logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.training.arguments import shown
from interp.training.config.kinds import INPUT_FORMS, OWN_INPUTS

Pairs = Int[Tensor, "pair 2"]


def _tokens(pairs: Pairs, p: int) -> Int[Tensor, "pair 3"]:
    return torch.cat([pairs, torch.full_like(pairs[:, :1], p)], dim=-1)


def _one_hot(pairs: Pairs, p: int) -> Float[Tensor, "pair twice_p"]:
    return torch.nn.functional.one_hot(pairs, p).flatten(1).to(torch.float64)


_FORMS: dict[str, Callable[[Pairs, int], Any]] = {
    "pairs": lambda pairs, p: pairs,
    "tokens": _tokens,
    "one-hot": _one_hot,
    "two": lambda pairs, p: (pairs[:, 0], pairs[:, 1]),
}
assert tuple(_FORMS) == INPUT_FORMS


@dataclass(frozen=True)
class Inputs:
    """A way from pairs to a module's arguments.

    Attributes:
        name: a form's name, the ``"module:function"`` of a function, or ``function`` for one that
            cannot be imported.
        make: from (pair, 2) operands to a tensor, to a tuple of arguments, or to arguments by name.
    """

    name: str
    make: Callable[[Pairs], Any]

    def __call__(self, pairs: Pairs, dtype: torch.dtype) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments without and with a name; real numbers are in the module's precision."""
        made = self.make(pairs)
        if isinstance(made, Mapping):
            return (), {str(name): _in_precision(one, dtype) for name, one in made.items()}
        given = made if isinstance(made, tuple | list) else (made,)
        return tuple(_in_precision(one, dtype) for one in given), {}


def inputs_of(wanted: str | Callable[[Pairs], Any], p: int) -> Inputs:
    """The inputs that a form's name, an import path or a function means.

    Raises:
        ValueError: for an unknown form, or a path at which there is no function.
    """
    if callable(wanted):
        return Inputs(import_path(wanted) or OWN_INPUTS, wanted)
    if not isinstance(wanted, str):
        raise ValueError(
            f"inputs: expected {', '.join(_FORMS)}, a function of pairs or its 'module:name', "
            f"got {shown(wanted)}"
        )
    if wanted in _FORMS:
        return Inputs(wanted, lambda pairs: _FORMS[wanted](pairs, p))
    if wanted == OWN_INPUTS:
        raise ValueError(
            "model.inputs: a function of pairs that has no import path is needed again; give "
            "module= the network that interp.adapt made with it"
        )
    if ":" not in str(wanted):
        raise ValueError(
            f"inputs: expected {', '.join(_FORMS)}, a function of pairs or its 'module:name', "
            f"got {wanted!r}"
        )
    return Inputs(wanted, imported(wanted, "model.inputs"))


def imported(path: str, what: str) -> Any:
    """What stands at an import path, ``"package.module:name"``.

    Raises:
        ValueError: if there is nothing.
    """
    try:
        return resolve_name(path)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{what}: expected an import path such as package.module:name, got {path!r} ({error})"
        ) from None


def import_path(thing: Any) -> str | None:
    """Where a class or function can be imported from; None if it cannot be."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not module or not name or module == "__main__":
        return None
    path = f"{module}:{name}"
    try:
        return path if resolve_name(path) is thing else None
    except (ImportError, AttributeError, ValueError):
        return None


def _in_precision(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.to(dtype)
    return value


def read_logits(output: Any, pairs: int, answers: int) -> Float[Tensor, "pair answer"]:
    """Logits at the last position, the first ones where there are more than answers.

    Raises:
        ValueError: if the output is no tensor of (pair, answer) or (pair, position, answer).
    """
    if not isinstance(output, Tensor):
        raise ValueError(f"module: expected a tensor of logits, got {type(output).__name__}")
    shape = tuple(output.shape)
    fits = output.is_floating_point() and output.ndim in (2, 3) and shape[0] == pairs
    if not fits or shape[-1] < answers:
        raise ValueError(
            f"module: expected logits of shape ({pairs}, {answers}) or ({pairs}, position, "
            f"{answers}), got {output.dtype} {shape}"
        )
    last = output if output.ndim == 2 else output[:, -1]
    return last[:, :answers]


def told_of(output: Tensor, answers: int) -> tuple[str, ...]:
    """What is left out of a module's output, in a few words each."""
    told = []
    if output.ndim == 3:
        told.append(f"logits read at the last of {output.shape[1]} positions")
    if output.shape[-1] > answers:
        told.append(f"the first {answers} of {output.shape[-1]} outputs read")
    return tuple(told)
