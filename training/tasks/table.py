"""An operation as a table: the answer of every pair of operands, written down."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int

from interp.training.arguments import whole as whole_number
from interp.training.array_file import as_array

Values = Int[np.ndarray, " pair"]

# Digits of a digest: of SHA-256, as many as name a configuration.
_DIGITS = 16
LARGEST_P = 2048


@dataclass(frozen=True, eq=False)
class Table:
    """The answers of an operation on pairs of p operands; equal to one with the same content.

    Attributes:
        answers: the row is the first operand, the column the second; −1: not in the domain.
        n_answers: q, how many answers there are to choose from: 0 … q−1.
    """

    answers: Int[np.ndarray, "first second"]
    n_answers: int

    @property
    def p(self) -> int:
        """Number of operands."""
        return len(self.answers)

    @cached_property
    def digest(self) -> str:
        """Tells tables of other content: 16 hexadecimal digits of a SHA-256."""
        head = f"{self.p} {self.n_answers} ".encode()
        content = np.ascontiguousarray(self.answers, dtype="<i8").tobytes()
        return hashlib.sha256(head + content).hexdigest()[:_DIGITS]

    @property
    def is_partial(self) -> bool:
        """Whether some pair has no answer."""
        return bool((self.answers < 0).any())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __call__(self, x: Values, y: Values, p: int) -> Values:
        """The answers of pairs: what the formula of an operation gives."""
        found: Values = self.answers[x, y]
        return found

    def has(self, x: Values, y: Values) -> Bool[np.ndarray, " pair"]:
        """Which pairs are in the domain."""
        return np.asarray(self.answers[x, y] >= 0)


def make_table(answers: object, n_answers: int | None = None) -> Table:
    """The table of an array or of nested lists.

    Args:
        answers: p × p whole numbers from 0; −1, NaN or None where a pair has no answer.
        n_answers: q; by default the largest answer and one.

    Raises:
        ValueError: if it is no such table, or an answer is not below ``n_answers``.
    """
    try:
        found = as_array(answers)
    except ValueError as error:
        raise ValueError(f"table: {error}") from None
    if found.ndim != 2 or len(found) != found.shape[1] or not 2 <= len(found) <= LARGEST_P:
        raise ValueError(
            f"table: expected as many rows as columns, 2 to {LARGEST_P}, "
            f"got shape {'×'.join(map(str, found.shape))}"
        )
    filled = np.where(np.isnan(found), -1, found) if found.dtype.kind == "f" else found
    wrong = filled[(filled != np.floor(filled)) | (filled < -1) | ~np.isfinite(filled)]
    if len(wrong):
        raise ValueError(
            f"table: expected whole numbers from 0, or −1 for a pair without answer, got {wrong[0]}"
        )
    whole = filled.astype(np.int64)
    largest = int(whole.max())
    if largest < 0:
        raise ValueError("table: expected at least one pair with an answer, got none")
    if n_answers is None and largest >= whole.size:
        raise ValueError(
            f"table: expected answers below {whole.size}, the number of pairs, got {largest}; "
            "n_answers allows more"
        )
    count = largest + 1 if n_answers is None else whole_number(n_answers, "n_answers")
    if count <= largest or count < 2:
        raise ValueError(
            f"n_answers: expected at least {max(largest + 1, 2)} for a table whose largest answer "
            f"is {largest}, got {count}"
        )
    whole.flags.writeable = False
    return Table(whole, count)
