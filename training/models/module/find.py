"""Finds a module's neurons by experiment: which value is the activation, and where it matters.

All experiments are on a copy with random weights, so that nothing is zero or dead by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interp.training.models.module.watched import Place, Tap, Visit

# Logits of some pairs, while taps see and change what is computed.
Run = Callable[[Sequence[Tap]], Tensor]

_STD = 0.5  # of the random weights
_SEED = 0


def randomized(module: nn.Module) -> nn.Module:
    """A copy whose parameters are Gaussian noise; torch's own random stream is left alone."""
    copy = deepcopy(module)
    random = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for weight in copy.parameters():
            if weight.is_floating_point():
                weight.copy_(_STD * torch.randn(weight.shape, generator=random))
    return copy


@torch.no_grad()
def find_place(module: nn.Module, path: str, run: Run) -> Place:
    """Where the neurons are that a submodule's name means.

    The activation is the last value through which alone, neuron by neuron, the pre-activation
    acts on the logits: what a functional ``relu`` gives, say, or a norm by running statistics
    after it. Where a network goes on with the pre-activation itself, that is the activation.

    Args:
        module: with random weights.
        path: of the submodule.
        run: the module's logits of a few pairs.

    Raises:
        ValueError: if there is no such submodule, or it is neither linear nor an activation, or
            the logits do not depend on it.
    """
    try:
        part = module.get_submodule(path)
    except AttributeError:
        names = ", ".join(name for name, _ in module.named_modules() if name)
        raise ValueError(
            f"neurons: expected a submodule ({names or 'there is none'}), got {path!r}"
        ) from None
    place = replace(Place(path, False), before=_is_activation(module, part, path, run))
    values, logits = _values(place, run)
    pre = values[0]
    if not torch.isfinite(logits).all() or pre.ndim not in (2, 3) or len(pre) != len(logits):
        raise ValueError(
            f"neurons: expected {path!r} to give ({len(logits)}, neuron) or ({len(logits)}, "
            f"position, neuron) for {len(logits)} pairs, got {tuple(pre.shape)}"
        )
    place = replace(place, width=pre.shape[-1], positions=pre.shape[1] if pre.ndim == 3 else 0)
    place = replace(place, value=_activation(place, run, values, logits))
    return replace(place, position=_position(place, run, values[place.value], logits))


@torch.no_grad()
def check_order(places: Sequence[Place], run: Run) -> None:
    """Refuses layers that do not run in the order of their names, or that are one layer twice.

    Raises:
        ValueError: so, or if the module has a second hold of a value, by which it overwrites it.
    """
    met: list[str] = []
    values: list[Tensor] = []

    def seen(place: Place) -> Visit:
        def visit(number: int, value: Tensor) -> Tensor:
            if number == 0:
                met.append(place.path)
                values.append(value.clone())
            return value.clone() if number in (0, place.value) else value

        return visit

    logits = run([Tap(place, seen(place)) for place in places])
    paths = [place.path for place in places]
    twice = any(
        one.shape == other.shape and near(one, other.to(one))
        for at, one in enumerate(values)
        for other in values[:at]
    )
    if twice or met != paths:
        raise ValueError(
            "neurons: expected the layers first to last, each once, in the order in which they "
            f"run, got {', '.join(paths)}"
        )
    if not near(logits, run(())):
        raise ValueError(
            f"neurons: expected values of {', '.join(paths)} that the module has one name for, got "
            "one that it overwrites by another name"
        )


def _is_activation(module: nn.Module, part: nn.Module, path: str, run: Run) -> bool:
    """Whether a submodule acts entry by entry, and not linearly; refuses what is neither."""
    seen: list[tuple[tuple[Any, ...], Any]] = []
    given: list[tuple[Any, ...]] = []  # before it may be overwritten
    handles = [
        part.register_forward_pre_hook(lambda _, args: given.append(_copied(args))),
        part.register_forward_hook(lambda *call: seen.append((given[0], *_copied(call[2:])))),
    ]
    try:
        run(())
    finally:
        for handle in handles:
            handle.remove()
    if not seen:
        raise ValueError(f"neurons: {path!r} is not called when the module runs")
    args, out = seen[0]
    if args and isinstance(args[0], Tensor) and args[0].is_floating_point():
        if not isinstance(out, Tensor):
            raise ValueError(f"neurons: expected {path!r} to give a tensor, got {_told(out)}")
        if _is_affine(part, args):
            return False
        if _is_entrywise(part, args, out):
            return True
    raise ValueError(
        f"neurons: expected a linear layer or an activation, got {type(part).__name__} {path!r}, "
        "which is neither; name a part of it, or give the module an nn.Identity() at the "
        "pre-activation"
    )


def _copied(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.clone() if isinstance(value, Tensor) else value for value in values)


def _told(value: Any) -> str:
    return type(value).__name__


def _is_affine(part: nn.Module, args: tuple[Any, ...]) -> bool:
    one, other = args[0], args[0].flip(0) * 1.7 + 0.3
    given = (one.clone(), other, one + other, torch.zeros_like(one))
    f = [part(x, *args[1:]) for x in given]
    if not all(isinstance(value, Tensor) for value in f):
        return False
    return near(f[0] + f[1], f[2] + f[3])


def _is_entrywise(part: nn.Module, args: tuple[Any, ...], out: Tensor) -> bool:
    if out.shape != args[0].shape:
        return False
    return all(
        _only_these_change(out, part(_shifted(args[0], these), *args[1:]), these)
        for these in _halves(out.shape[-1])
    )


def _halves(width: int) -> tuple[Tensor, ...]:
    """Every neuron is once among those that change, and once among those that stay."""
    even = torch.arange(width) % 2 == 0
    return (even, ~even) if width > 1 else (even,)


def _shifted(value: Tensor, these: Tensor) -> Tensor:
    """The value with other entries for some neurons: of both signs, and of another size."""
    other = value.flip(0) * -1.3 + torch.where(torch.arange(len(value)) % 2 == 0, 0.7, -0.9).view(
        -1, *[1] * (value.ndim - 1)
    ).to(value)
    return torch.where(these, other, value)


def _only_these_change(before: Tensor, after: Tensor, these: Tensor) -> bool:
    """Whether the other neurons stay; among these some may be dead, as behind a threshold."""
    if before.shape != after.shape or not torch.equal(before[..., ~these], after[..., ~these]):
        return False
    return bool((before != after)[..., these].any())


def _values(place: Place, run: Run, change: Visit | None = None) -> tuple[list[Tensor], Tensor]:
    """Every value from the pre-activation on, as it came about, and the logits."""
    found: list[Tensor] = []

    def visit(number: int, value: Tensor) -> Tensor:
        value = value if change is None else change(number, value)
        found.append(value.clone())
        return value

    logits = run([Tap(place, visit)])
    return found, logits


def _activation(place: Place, run: Run, values: list[Tensor], logits: Tensor) -> int:
    """The number of the activation; refuses neurons that do not matter to the logits."""
    every = torch.ones(place.width, dtype=torch.bool)
    changed = [
        (_values(place, run, _changing({0: _shifted(values[0], these)}))[0], these)
        for these in _halves(place.width)
    ]
    moved = _values(place, run, _changing({0: _shifted(values[0], every)}))[1]
    if near(moved, logits):
        raise ValueError(f"neurons: the logits do not depend on {place.path!r}")
    for number in range(len(values) - 1, 0, -1):
        own = all(
            number < len(others) and _only_these_change(values[number], others[number], these)
            for others, these in changed
        )
        if own and _carries_all(place, run, number, values, logits):
            return number
    return 0


def _carries_all(place: Place, run: Run, number: int, values: list[Tensor], logits: Tensor) -> bool:
    """Whether the pre-activation can act on the logits by way of this value only."""
    every = torch.ones(place.width, dtype=torch.bool)
    change = _changing({0: _shifted(values[0], every), number: values[number]})
    return near(_values(place, run, change)[1], logits)


def _changing(to: dict[int, Tensor]) -> Visit:
    return lambda number, value: to[number].clone() if number in to else value


def _position(place: Place, run: Run, value: Tensor, logits: Tensor) -> int | None:
    """The one position at which the activations matter; None if there is no such one."""
    for position in reversed(range(place.positions)):
        other = _shifted(value, torch.ones(place.width, dtype=torch.bool))
        other[:, position] = value[:, position]
        if near(_values(place, run, _changing({place.value: other}))[1], logits):
            return position
    return None


def near(one: Float[Tensor, ...], other: Float[Tensor, ...]) -> bool:
    """Equal up to rounding, relative to the largest of them."""
    if one.shape != other.shape:
        return False
    share = 1e-9 if one.dtype == torch.float64 else 1e-4
    size = torch.maximum(one.abs().max(), other.abs().max())
    return bool((one - other).abs().max() <= share * size)
