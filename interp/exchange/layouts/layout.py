"""A layout of foreign networks: what it expects, and what its reader gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from einops import rearrange
from torch import Tensor

from interp.training.registry import Registry

Tensors = Mapping[str, Tensor]
TURNED = "output input -> input output"  # from torch's matrices to this project's

# What a user may settle beyond fields of ``model``, see :attr:`Hints.choices`.
CHOICES: Registry[str] = Registry(
    "settle",
    {
        "orientation": "of raw matrices: 'x @ W' or 'W @ x'",
        "first_table": "of two embeddings, the one of the first operand",
        "equals_at": 'the token that stands for "="',
        "scores": "what attention scores are divided by: √d_head, 1 or d_head",
        "mu": "what the residual stream is multiplied by at each half of a block",
        "embed.W_E": "a square embedding: 'd × tokens' or 'tokens × d'",
        "unembed.W_U": "a square unembedding, in the same words",
    },
)


@dataclass(frozen=True)
class Hints:
    """What a state dict does not tell.

    Attributes:
        model: fields of ``model`` that the user has set.
        config: names and values of a foreign configuration beside the weights.
        choices: of other things that no tensor tells, such as ``orientation`` or ``p``, those
            settled.
        ignore: patterns of the names of tensors that are none of the network's weights.
        constants: tensors that were set aside as no training changes them.
        asked: what a reader has asked for so far.
    """

    model: Mapping[str, Any]
    config: Mapping[str, Any]
    choices: Mapping[str, Any] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    constants: Tensors = field(default_factory=dict)
    asked: set[str] = field(default_factory=set, compare=False)

    def settled(self, name: str) -> Any:
        """What the user, or the answers, have said of a field of ``model`` or a choice, or None."""
        self.asked.add(name)
        return self.model.get(name, self.choices.get(name))


@dataclass(frozen=True)
class Choice:
    """Something that no tensor tells, but the network's answers may.

    A reader takes the first candidate and says so; where the truth is known, it is asked again
    for every candidate, and the one whose network answers right is taken.

    Attributes:
        name: a field of ``model``, or another word that the reader asks :class:`Hints` for.
        candidates: what it may be, the assumed one first.
        words: what is said of it, with ``{}`` for the candidate: ``activation {}``.
    """

    name: str
    candidates: tuple[Any, ...]
    words: str

    def told(self, candidate: Any) -> str:
        """What is said of a candidate."""
        return self.words.format(candidate)


@dataclass(frozen=True)
class Recognized:
    """A foreign network in this project's terms.

    Attributes:
        p: the modulus.
        model: fields of ``model``.
        weights: this project's parameters and buffers by name.
        recognized, assumed, dropped: what to tell of it, in a few words each; the assumed do not
            name the choices.
        choices: what the reader had to choose.
    """

    p: int
    model: dict[str, Any]
    weights: dict[str, Tensor]
    recognized: tuple[str, ...]
    assumed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A kind of foreign state dict.

    Attributes:
        name: what a user types.
        expects: its tensors, in words.
        matches: whether a state dict looks like it.
        read: the network in it; a ValueError names the tensor that is not as expected.
    """

    name: str
    expects: str
    matches: Callable[[Tensors], bool]
    read: Callable[[Tensors, Hints], Recognized]


def seen(tensors: Tensors, most: int = 24) -> str:
    """Names and shapes, in one line."""
    parts = [f"{name} {'×'.join(map(str, one.shape)) or 'scalar'}" for name, one in tensors.items()]
    more = f" and {len(parts) - most} more" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more


def check_shape(tensors: Tensors, name: str, *shape: int | None) -> Tensor:
    """The tensor of that name; None in a shape stands for any size.

    Raises:
        ValueError: if it is absent, or of another shape.
    """
    if name not in tensors:
        raise ValueError(f"tensor {name}: expected it, found {seen(tensors)}")
    tensor = tensors[name]
    right = tensor.ndim == len(shape) and all(
        wanted in (None, size) for size, wanted in zip(tensor.shape, shape, strict=True)
    )
    if not right:
        wanted_text = "×".join("any" if size is None else str(size) for size in shape)
        raise ValueError(
            f"tensor {name}: expected shape {wanted_text}, "
            f"got {'×'.join(map(str, tensor.shape)) or 'a scalar'}"
        )
    return tensor


@dataclass
class Taken:
    """A foreign network while it is read: what was taken so far.

    Attributes:
        tensors: the foreign state dict.
        weights: this project's parameters and buffers by name.
        assumed: what no tensor tells, in a few words each.
        sources: the foreign tensor of each of the weights.
        used: foreign tensors that became no weight of their own, but were read.
        choices: what no tensor tells and was chosen.
    """

    tensors: Tensors
    weights: dict[str, Tensor] = field(default_factory=dict)
    assumed: list[str] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)

    def take(
        self, theirs: str, ours: str, shape: tuple[int | None, ...], axes: str = "", **sizes: int
    ) -> None:
        """Takes a tensor over under this project's name.

        Args:
            theirs: its foreign name.
            ours: this project's.
            shape: expected; None stands for any size.
            axes: how to rearrange it, in einops' words; "" leaves it as it is.
            sizes: of the axes that the words name and the shape does not tell.

        Raises:
            ValueError: if it is absent, or of another shape.
        """
        tensor = check_shape(self.tensors, theirs, *shape)
        self.put(theirs, ours, rearrange(tensor, axes, **sizes) if axes else tensor)

    def take_any(
        self, theirs: str, ours: str, shape: tuple[int | None, ...], axes: str = "", **sizes: int
    ) -> None:
        """As :meth:`take`, if there is such a tensor."""
        if theirs in self.tensors:
            self.take(theirs, ours, shape, axes, **sizes)

    def choose(self, hints: Hints, name: str, candidates: Sequence[Any], words: str) -> Any:
        """What is settled of something that no tensor tells; else the first candidate, noted.

        Args:
            hints: that may have settled it.
            name: a field of ``model``, or another word.
            candidates: what it may be, the one to be assumed first.
            words: as in :class:`Choice`.
        """
        known = hints.settled(name)
        if known is not None:
            if name in CHOICES and known not in candidates:
                expected = " or ".join(map(str, candidates))
                raise ValueError(f"settle {name}: expected {expected}, got {known!r}")
            return known
        self.choices.append(Choice(name, tuple(candidates), words))
        return candidates[0]

    def put(self, theirs: str, ours: str, weight: Tensor) -> None:
        """A weight that was made of a foreign tensor."""
        self.weights[ours], self.sources[ours] = weight, theirs

    @property
    def left_over(self) -> tuple[str, ...]:
        """Tensors that nobody read."""
        read = {*self.sources.values(), *self.used}
        return tuple(name for name in self.tensors if name not in read)
