"""Operations on a group: words in x, y and their inverses, such as ``x * y * x^-1``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int

from interp.training.arguments import shown
from interp.training.tasks.finite.group import FiniteGroup
from interp.training.tasks.polynomial import plain

LONGEST_WORD = 8
_FACTOR = re.compile(r"([xy])(\*\*-1)?")


@dataclass(frozen=True)
class Word:
    """A product of operands and inverses of them in a group; the formula of an operation.

    Attributes:
        group: whose products they are.
        factors: ``x`` or ``y``, and whether it is inverted, in their order.
    """

    group: FiniteGroup
    factors: tuple[tuple[str, bool], ...]

    @property
    def text(self) -> str:
        """As users write it: ``x * y^-1``."""
        return " * ".join(f"{one}^-1" if inverted else one for one, inverted in self.factors)

    @property
    def needs_inverses(self) -> bool:
        """Whether an operand is inverted."""
        return any(inverted for _, inverted in self.factors)

    @property
    def is_product(self) -> bool:
        """Whether it is x·y of some power ±1 each: its curves lie in the irreps of the group."""
        return [one for one, _ in self.factors] == ["x", "y"]

    @property
    def second_sign(self) -> Literal[1, -1] | None:
        """Where elements add: s of x + s·y, which it then is; None for another sum."""
        powers = {"x": 0, "y": 0}
        for one, inverted in self.factors:
            powers[one] += -1 if inverted else 1
        if powers["x"] != 1 or abs(powers["y"]) != 1:
            return None
        return 1 if powers["y"] == 1 else -1

    def __call__(
        self, x: Int[np.ndarray, " pair"], y: Int[np.ndarray, " pair"], p: int
    ) -> Int[np.ndarray, " pair"]:
        """The answers of pairs, multiplied from the left."""
        operands = {"x": x, "y": y}
        values = [
            self.group.inverse[operands[one]] if inverted else operands[one]
            for one, inverted in self.factors
        ]
        found = values[0]
        for value in values[1:]:
            found = self.group.table[found, value]
        return found


def parse_word(text: str, group: FiniteGroup) -> Word:
    """The operation that a text is in a group; ``x / y`` is x * y^-1.

    Raises:
        ValueError: for a text that is no such word, or one with inverses in a quasigroup.
    """
    spelled = plain(text.replace("⁻¹", "^-1")).replace(" ", "").replace("(-1)", "-1")
    found: list[tuple[str, bool]] = []
    for sign, part in re.findall(r"(^|\*(?!\*)|/)((?:[^*/]|\*\*)+)", spelled):
        match = _FACTOR.fullmatch(part)
        if match is None:
            found = []
            break
        found.append((match[1], (match[2] is not None) != (sign == "/")))
    whole = "".join(re.findall(r"(?:^|\*(?!\*)|/)(?:[^*/]|\*\*)+", spelled)) == spelled
    if not whole or not 1 <= len(found) <= LONGEST_WORD:
        raise ValueError(
            "task.operation: expected x * y, x * y^-1, x * y * x^-1, x * y * x or another product "
            f"of at most {LONGEST_WORD} of x, y and inverses in {group.name}, got {shown(text)}"
        )
    word = Word(group, tuple(found))
    if word.needs_inverses and not group.is_group:
        raise ValueError(
            f"task.operation: expected no inverses in {group.name}, got {word.text!r}; "
            f"a group is {group.flaw}"
        )
    return word
