"""Where a module comes from: an object, a class or function that makes it, or an import path."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from inspect import isfunction
from typing import Any, get_type_hints

import torch
from torch import nn

from interp.training.arguments import of_kind, told
from interp.training.models.module.inputs import imported

# A module, what makes one when called without arguments or with named ones, or its import path.
Source = nn.Module | Callable[..., nn.Module] | str


def made_module(source: Source, arguments: Mapping[str, Any]) -> nn.Module:
    """The module on the CPU, for evaluation: a copy of one that is there already.

    Raises:
        ValueError: if the source cannot be imported or called, or its weights are of a precision
            that is not computed with here.
        TypeError: if it is no module and makes none.
    """
    found: Any = source
    if isinstance(source, str):
        found = makes_modules(source)
    if not isinstance(found, nn.Module):
        found = _called(found, arguments)
    found = getattr(found, "_orig_mod", found)  # a compiled module has no parts to look into
    try:
        copy: nn.Module = deepcopy(found).to("cpu").eval()
    except (RuntimeError, TypeError) as error:
        line = str(error).splitlines()[0]
        raise ValueError(
            f"module: expected one that can be copied, {type(found).__name__} cannot ({line})"
        ) from None
    _check_precision(copy)
    return copy


def makes_modules(path: str) -> Any:
    """The class or function at an import path, if it is known to make modules.

    A run folder may name any path, and what it names is called. So only a class of modules, or a
    function that says it returns one, is accepted.

    Raises:
        ValueError: if it is something else.
    """
    found = imported(path, "model.module")
    made = found
    if isfunction(found):
        try:
            made = get_type_hints(found).get("return")
        except (NameError, TypeError):
            made = None
    if isinstance(made, type) and issubclass(made, nn.Module):
        return found
    raise ValueError(
        f"model.module: expected a class of torch.nn.Module, or a function that says it returns "
        f"one (-> nn.Module), got {path!r}"
    )


def _called(make: Any, arguments: Mapping[str, Any]) -> nn.Module:
    if not callable(make):
        raise TypeError(
            f"module: expected a torch module, what makes one or its import path, got {told(make)}"
        )
    try:
        found = make(**arguments)
    except TypeError as error:
        raise ValueError(
            f"module: cannot be made with arguments {dict(arguments)} ({error})"
        ) from None
    if not isinstance(found, nn.Module):
        raise TypeError(f"module: expected a torch module to be made, got {told(found)}")
    return found


def check_finite(module: nn.Module, what: str) -> None:
    """Refuses weights that are NaN or infinite; a buffer may be, as a mask of attention is.

    Raises:
        ValueError: naming the first such weight, and where it comes from.
    """
    for name, weight in module.named_parameters():
        if not torch.isfinite(weight).all():
            raise ValueError(f"{what}: {name}: expected finite numbers, got NaN or infinity")


def _check_precision(module: nn.Module) -> None:
    kinds = {weight.dtype for weight in module.parameters()}
    if not kinds:
        raise ValueError("module: expected one with parameters, got none")
    strange = kinds - {torch.float32, torch.float64}
    if strange:
        kind = strange.pop()
        name = str(kind).removeprefix("torch.")
        hint = "" if kind.is_complex else "; see module.float()"
        raise ValueError(f"module: expected weights of float32 or float64, got {name}{hint}")


def checked_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Named arguments as plain data, which a configuration can hold.

    Raises:
        ValueError: if one is something else.
    """
    of_kind(arguments, Mapping, "arguments by name")  # type: ignore[type-abstract]
    try:
        found: dict[str, Any] = json.loads(json.dumps(dict(arguments), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"arguments: expected plain numbers and words ({error})") from None
    return found
