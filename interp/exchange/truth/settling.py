"""What no tensor tells, settled by the network's answers where they can."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from interp.exchange.layouts.layout import Choice, Hints, Recognized

_MOST = 64  # combinations that are tried

Read = Callable[[Hints], Recognized]
Combination = tuple[Any, ...]


@dataclass(frozen=True)
class Settled:
    """A network with its choices settled.

    Attributes:
        network: as read with ``hints``.
        hints: the choices are among them, so that other checkpoints are read alike.
        recognized, assumed: what to tell of the choices.
    """

    network: Recognized
    hints: Hints
    recognized: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


def settle(
    read: Read,
    hints: Hints,
    share: Callable[[Recognized], float],
    clear: Callable[[Recognized], float],
    told: Callable[[float, float], str],
) -> Settled:
    """Reads a network by every combination of what is open, and takes the one that is right.

    Args:
        read: the reader of a layout.
        hints: what is known.
        share: how much of what is known a network answers, in [0, 1].
        clear: a difference between shares that is no chance.
        told: in words, of the share of what was taken and the greatest one otherwise.

    Returns:
        The first combination, unless another one is clearly better. A choice is recognized where
        every other candidate is clearly worse, and assumed otherwise.
    """
    first = read(hints)
    if not first.choices:
        return Settled(first, hints)
    shares: dict[Combination, float] = {}
    least = clear(first)
    for combination in _combinations(first.choices):
        try:
            shares[combination] = share(read(_with(hints, first.choices, combination)))
        except ValueError:  # shapes or settings that contradict one another
            continue
    assumed = tuple(choice.candidates[0] for choice in first.choices)
    best = max(shares, key=shares.__getitem__, default=assumed)
    taken = best if shares.get(best, 0) - shares.get(assumed, 0) >= least else assumed
    lines: dict[bool, list[str]] = {True: [], False: []}
    for index, choice in enumerate(first.choices):
        others = [one for values, one in shares.items() if values[index] != taken[index]]
        rival = max(others, default=0.0)
        own = max((s for v, s in shares.items() if v[index] == taken[index]), default=0.0)
        sure = bool(others) and own - rival >= least
        words = choice.told(taken[index])
        lines[sure].append(f"{words}: {told(own, rival)}" if sure else words)
    settled = _with(hints, first.choices, taken)
    return Settled(read(settled), settled, tuple(lines[True]), tuple(lines[False]))


def _combinations(choices: tuple[Choice, ...]) -> Iterator[Combination]:
    """All of them, or where they are too many the first and those that differ from it once."""
    count = 1
    for choice in choices:
        count *= len(choice.candidates)
    if count <= _MOST:
        yield from product(*(choice.candidates for choice in choices))
        return
    first = tuple(choice.candidates[0] for choice in choices)
    yield first
    for index, choice in enumerate(choices):
        for candidate in choice.candidates[1:]:
            yield (*first[:index], candidate, *first[index + 1 :])


def _with(hints: Hints, choices: tuple[Choice, ...], values: Combination) -> Hints:
    named = {choice.name: value for choice, value in zip(choices, values, strict=True)}
    return replace(hints, choices={**hints.choices, **named})
