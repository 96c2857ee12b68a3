"""Groups by name: ``S5``, ``D48``, ``Q8``, ``Z8×Z12``, ``Z2^5``."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from math import factorial, prod

from interp.training.arguments import shown
from interp.training.tasks.finite import families
from interp.training.tasks.finite.group import FiniteGroup

LARGEST_ORDER = 2048  # elements that a table of all products is made of at all
EXPECTED = (
    "S3 to S6, A4 to A6, D3 and on (of order 2n), Q8, Z2 and on, or products such as Z8×Z12 and "
    "Z2^5"
)
_FACTOR = re.compile(r"([SADQZ])_?(\d{1,4})(?:\^(\d{1,2}))?", re.IGNORECASE)
_SMALLEST = {"S": 3, "A": 4, "D": 3, "Q": 8, "Z": 2}
_LARGEST = {"S": 6, "A": 6, "D": LARGEST_ORDER // 2, "Q": 8, "Z": LARGEST_ORDER}
_ORDER: dict[str, Callable[[int], int]] = {
    "S": factorial,
    "A": lambda n: factorial(n) // 2,
    "D": lambda n: 2 * n,
    "Q": lambda n: n,
    "Z": lambda n: n,
}
_MAKE: dict[str, Callable[[int], FiniteGroup]] = {
    "S": families.symmetric,
    "A": families.alternating,
    "D": families.dihedral,
    "Q": lambda _: families.quaternion(),
}


def is_group_name(text: object) -> bool:
    """Whether the text names a group, of whatever order."""
    return isinstance(text, str) and _factors(text) is not None


def order_of(text: str) -> int:
    """Number of elements of the group that a name has, without making it."""
    return prod(_ORDER[letter](n) for letter, n in _checked(text))


def canonical(text: str) -> str:
    """The name as titles write it: ``z8 x z12`` is ``Z8×Z12``."""
    runs: list[tuple[str, int]] = []
    for letter, n in _checked(text):
        name = f"{letter}{n}"
        again = bool(runs) and runs[-1][0] == name
        runs[-1:] = [(name, runs[-1][1] + 1)] if again else [*runs[-1:], (name, 1)]
    return "×".join(name if count == 1 else f"{name}^{count}" for name, count in runs)


def named_group(text: str) -> FiniteGroup:
    """The group of a name.

    Raises:
        ValueError: if there is none, with the nearest; or if it has too many elements.
    """
    order = order_of(text)
    if order > LARGEST_ORDER:
        raise ValueError(
            f"task.group: expected a group of at most {LARGEST_ORDER} elements, got {text} of "
            f"{order:,}"
        )
    return _made(canonical(text))


@lru_cache(maxsize=16)
def _made(name: str) -> FiniteGroup:
    factors = _checked(name)
    if all(letter == "Z" for letter, _ in factors):
        return families.abelian([n for _, n in factors])
    found = [families.cyclic(n) if letter == "Z" else _MAKE[letter](n) for letter, n in factors]
    return found[0] if len(found) == 1 else families.direct_product(found)


def _checked(text: str) -> list[tuple[str, int]]:
    found = _factors(text)
    if found is None:
        raise ValueError(f"task.group: expected {EXPECTED}, got {shown(text)}{_nearest(text)}")
    return found


def _factors(text: str) -> list[tuple[str, int]] | None:
    """Letter and number of each factor; None where the text is no name."""
    found: list[tuple[str, int]] = []
    for part in re.split(r"[×*xX]", text.replace(" ", "")):
        match = _FACTOR.fullmatch(part)
        if match is None:
            return None
        letter, n, power = match[1].upper(), int(match[2]), int(match[3] or 1)
        if not _SMALLEST[letter] <= n <= _LARGEST[letter] or power < 1:
            return None
        found += [(letter, n)] * power
    return found


def _nearest(text: object) -> str:
    """A hint at the group that the text may mean: letters with numbers that there are."""
    parts = re.split(r"[×*xX+]", text) if isinstance(text, str) else []
    matches = [re.match(r"\W*([A-Z])[A-Z]*\D*(\d{1,4})(?:\^(\d{1,2}))?", p.upper()) for p in parts]
    names = []
    for match in filter(None, matches):
        # Z_n is also called C_n; another letter is nearest to S, which is what papers train on.
        letter = match[1] if match[1] in _SMALLEST else {"C": "Z"}.get(match[1], "S")
        number = min(max(int(match[2]), _SMALLEST[letter]), _LARGEST[letter])
        names += [f"{letter}{number}"] * max(int(match[3] or 1), 1)
    return f"; nearest is {canonical('×'.join(names))}" if names else ""
