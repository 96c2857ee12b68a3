"""Sees and replaces the values of a module's neurons while it runs; the module is not changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

# Of the number of a value, counted from the pre-activation (0) over later values of its shape,
# and the value: what takes its place.
Visit = Callable[[int, Tensor], Tensor]


@dataclass(frozen=True)
class Place:
    """Where a hidden layer's neurons are in a module.

    Attributes:
        path: of the submodule that was named.
        before: whether its input is the pre-activation (an activation), not its output (a linear
            layer).
        value: which value is the activation, by the number that :data:`Visit` tells; 0 where the
            pre-activation is its own.
        width: number of neurons.
        position: the one position at which the neurons matter to the logits; None where there
            are no positions or several matter.
        positions: how many there are; 0 where activations are (pair, neuron).
    """

    path: str
    before: bool
    value: int = 0
    width: int = 0
    position: int | None = None
    positions: int = 0


_ONE_PASS = RLock()


class Tap:
    """Visits the pre-activation of a layer and every later value of its shape, in one pass."""

    def __init__(self, place: Place, visit: Visit) -> None:
        self.place, self._visit = place, visit
        self.passed, self.count = 0, 0
        self._shape: Any = None
        self._busy = False

    def start(self, value: Tensor) -> Tensor:
        """Visits the pre-activation."""
        path = self.place.path
        self.passed += 1
        if self.passed > 1:
            raise ValueError(
                f"neurons: expected {path!r} to be called once a pass, got twice; name the linear "
                "layer before it"
            )
        self._shape = value.shape
        return self._visited(value)

    def see(self, value: Any) -> Any:
        """Visits a later value, if it has the shape of the pre-activation."""
        if self._busy or self._shape is None or not isinstance(value, Tensor):
            return value
        if value.shape != self._shape or not value.is_floating_point():
            return value
        self.count += 1
        return self._visited(value)

    def _visited(self, value: Tensor) -> Tensor:
        self._busy = True  # what the visit computes is no value of the module
        try:
            return self._visit(self.count, value)
        finally:
            self._busy = False


class _Functions(TorchFunctionMode):
    """Shows the taps what every function of torch gives, those without a module too."""

    def __init__(self, taps: Sequence[Tap], wide: bool) -> None:
        super().__init__()
        self._taps, self._wide = taps, wide

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What the function gives, or what a tap puts in its place."""
        given = func(*args, **(kwargs or {}))
        found = given
        if self._wide and isinstance(found, Tensor) and found.dtype == torch.float32:
            found = found.double()
        for tap in self._taps:
            found = tap.see(found)
        if found is not given and any(given is one for one in args):
            return _written(given, found)  # computed in place
        return found


def _written(place: Tensor, value: Tensor) -> Tensor:
    """Puts a value where whoever has the tensor sees it; one that is there already stays."""
    if place.dtype == value.dtype and torch.equal(place, value):
        return place  # a copy would be one too many for autograd
    return place.copy_(value)


@contextmanager
def watched(module: nn.Module, taps: Sequence[Tap], wide: bool = False) -> Iterator[None]:
    """While this lasts the taps visit what the module computes; then every hook is gone.

    Args:
        module: what runs.
        taps: for one pass.
        wide: whether every float32 value that comes about is turned to float64, for a module
            whose code asks for float32.

    Raises:
        ValueError: at its end, if a pass did not come by one of the places.
    """
    with _ONE_PASS, ExitStack() as hooks:  # another thread's pass would come by these hooks
        for tap in taps:
            for handle in _hooked(module.get_submodule(tap.place.path), tap):
                hooks.callback(handle.remove)
        with _Functions(taps, wide):
            yield
    for tap in taps:
        if not tap.passed:
            raise ValueError(f"neurons: {tap.place.path!r} is not called when the module runs")
        if tap.count < tap.place.value:
            raise ValueError(
                f"neurons: after {tap.place.path!r} the module computes something else than it "
                "did when it was adapted"
            )


def _hooked(part: nn.Module, tap: Tap) -> Iterator[RemovableHandle]:
    """Shows a tap what goes into a part, if the pre-activation does, or comes out of it."""
    own: list[Tensor] = []  # what the module gave the part

    def start(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        own[:] = [args[0]]
        return (tap.start(args[0]), *args[1:])

    def end(_: nn.Module, args: tuple[Any, ...], out: Any) -> Any:
        found = tap.see(out)
        return _written(own[0], found) if out is args[0] else found  # computed in place

    if tap.place.before:
        yield part.register_forward_pre_hook(start)
        yield part.register_forward_hook(end)
    else:
        yield part.register_forward_hook(lambda _, args, out: tap.start(out))
