"""How the classes of neurons look in every figure; what they are called, they say themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from interp.analysis.neurons.classify import Classes
from interp.figures.template import CLASS_COLOUR


@dataclass(frozen=True)
class Look:
    """Colour, marker and hatching of a class."""

    colour: str
    marker: str
    hatch: str


HIGH = Look(CLASS_COLOUR["generalizing"], "circle", "")
LOW = Look(CLASS_COLOUR["memorizing"], "diamond", "/")


@dataclass(frozen=True)
class Group:
    """Neurons that are drawn alike.

    Attributes:
        name: in the legend.
        look: of their bars, points or lines.
        members: which neurons.
    """

    name: str
    look: Look
    members: Bool[np.ndarray, " neuron"]


def groups_of(classes: Classes) -> list[Group]:
    """The neurons below the threshold and above it; the dead have no IPR to draw."""
    words = classes.words
    return [
        Group(words.low, LOW, classes.memorizing),
        Group(words.high, HIGH, classes.generalizing),
    ]
