"""What the tokens and positions of a foreign Transformer are: residues, "=", and others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from interp.exchange.layouts.config import modulus_of
from interp.exchange.layouts.layout import Hints, Taken

_WITH = '"=" as third token: {}'


@dataclass(frozen=True)
class Tokens:
    """How a network is read.

    Attributes:
        p: the modulus.
        model: the fields of ``model`` that follow.
        dropped: what was cut off, in words.
    """

    p: int
    model: dict[str, Any]
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class _Sizes:
    """Sizes of the embedding, of the positions and of the logits."""

    tokens: int
    positions: int
    outputs: int


def read_tokens(taken: Taken, hints: Hints) -> Tokens:
    """Finds p and "=", and cuts the embeddings and logits to what two operands reach.

    Raises:
        ValueError: if the sizes contradict one another or p, or are those of longer sequences.
    """
    weights = taken.weights
    sizes = _Sizes(
        len(weights["embed.W_E"]), len(weights["pos_embed.W_pos"]), weights["unembed.W_U"].shape[1]
    )
    p = _modulus(sizes, taken, hints)
    operand = _is_operand(p, sizes, taken, hints)
    equals = _has_equals(p, operand, sizes, taken, hints)
    needed = 3 if equals else 2
    if sizes.positions < needed:
        where = taken.sources["pos_embed.W_pos"]
        raise ValueError(f"positions: expected at least {needed}, got {sizes.positions} in {where}")
    rows = _rows(p, operand, equals, sizes, taken, hints)
    model = {"equals_token": equals, **({"vocabulary": "operand"} if operand else {})}
    return Tokens(p, model, tuple(_cut(taken, sizes, p, rows, needed)))


def _modulus(sizes: _Sizes, taken: Taken, hints: Hints) -> int:
    """p: told, or the number of logits, less one where "=" has one too."""
    told = hints.settled("p") or modulus_of(hints.config)
    if told is not None:
        if min(sizes.tokens, sizes.outputs) < int(told):
            raise ValueError(
                f"p: expected {min(sizes.tokens, sizes.outputs)} or less for {sizes.tokens} tokens "
                f"and {sizes.outputs} logits, got {told}"
            )
        return int(told)
    if sizes.outputs < sizes.tokens:
        return sizes.outputs
    if sizes.outputs > sizes.tokens:
        raise ValueError(
            f"tensors: expected p or p + 1 tokens for p = {sizes.outputs} answers, "
            f"got {sizes.tokens} in {taken.sources['embed.W_E']}"
        )
    if sizes.positions == 2:
        return sizes.tokens
    if sizes.positions > 3:
        raise ValueError(_too_long(sizes, taken))
    # A prime number of tokens is p; one more than a prime is p and "=".
    primes = _is_prime(sizes.tokens), _is_prime(sizes.tokens - 1)
    likelier = (False, True) if primes == (True, False) else (True, False)
    return sizes.tokens - bool(taken.choose(hints, "equals_token", likelier, _WITH))


def _is_operand(p: int, sizes: _Sizes, taken: Taken, hints: Hints) -> bool:
    """Whether each operand has tokens of its own."""
    if sizes.tokens not in (2 * p, 2 * p + 1):
        return False
    candidates = ("operand", "shared")
    return bool(taken.choose(hints, "vocabulary", candidates, "vocabulary: {}") == "operand")


def _has_equals(p: int, operand: bool, sizes: _Sizes, taken: Taken, hints: Hints) -> bool:
    """Whether "=" is the third token."""
    known = hints.settled("equals_token")
    spare = sizes.tokens - (2 * p if operand else p)
    if known is not None or spare == 0:
        return bool(known) and spare > 0
    if any(choice.name == "equals_token" for choice in taken.choices):
        return True
    if sizes.positions < 3:
        return False
    return bool(taken.choose(hints, "equals_token", (True, False), _WITH))


def _rows(
    p: int, operand: bool, equals: bool, sizes: _Sizes, taken: Taken, hints: Hints
) -> list[int]:
    """Tokens of the operands, and of "="."""
    count = 2 * p if operand else p
    if not equals:
        return list(range(count))
    spare = range(count, sizes.tokens)
    if len(spare) == 1:
        return list(range(count + 1))
    candidates = (count, spare[-1], *spare[1:-1])
    return [*range(count), int(taken.choose(hints, "equals_at", candidates, 'token {} is "="'))]


def _too_long(sizes: _Sizes, taken: Taken) -> str:
    heads, d_model, d_head = taken.weights["blocks.0.attn.W_Q"].shape
    blocks = len({n.split(".")[1] for n in taken.weights if n.startswith("blocks.")})
    return (
        f"positions: expected 2 operands, or 3 tokens with “=”, got {sizes.positions} positions "
        f"in {taken.sources['pos_embed.W_pos']} with {sizes.tokens} tokens and {sizes.outputs} "
        f"logits (blocks: {blocks}, heads: {heads} of {d_head} at d = {d_model}): a task on longer "
        f"sequences, not one of two residues. If two operands come first, tell p"
    )


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % one for one in range(2, int(number**0.5) + 1))


def _cut(taken: Taken, sizes: _Sizes, p: int, rows: list[int], needed: int) -> list[str]:
    """Cuts off tokens, positions and logits that no pair reaches, and says what."""
    weights, equals = taken.weights, needed == 3
    weights["embed.W_E"] = weights["embed.W_E"][rows]
    weights["pos_embed.W_pos"] = weights["pos_embed.W_pos"][:needed]
    weights["unembed.W_U"] = weights["unembed.W_U"][:, :p]
    if "unembed.b_U" in weights:
        weights["unembed.b_U"] = weights["unembed.b_U"][:p]
    unreached, beyond = sizes.tokens - len(rows), sizes.outputs - p
    return [
        *[f"{unreached} tokens that no pair reaches"] * (unreached > 0),
        *['the logit of "="'] * (equals and beyond == 1),
        *[f"logits from {p}"] * (beyond > 1 or (beyond == 1 and not equals)),
        *[f"positions from {needed}"] * (sizes.positions > needed),
    ]
