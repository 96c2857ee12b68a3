"""A foreign checkpoint as networks of this project, with what its answers tell of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from interp.exchange.foreign_file import Foreign
from interp.exchange.layouts.known import find_layout
from interp.exchange.layouts.layout import CHOICES, Hints, Recognized
from interp.exchange.truth.evidence import Answers, Evidence, answers_of, gather, logits_of, percent
from interp.exchange.truth.live import Live
from interp.exchange.truth.own_group import OwnGroup, own_group
from interp.exchange.truth.settling import settle
from interp.training.config.run_config import RunConfig
from interp.training.config.sections import LossName
from interp.training.models.kinds import empty_network
from interp.training.models.network import Network
from interp.training.runs.tensor_file import load_weights

# For a modulus, labels of all pairs in the order m·p + n, NONE where unknown; None without any.
# And whether they are arrays, rather than rebuilt by a rule from an operation.
Labels = Callable[[int], tuple[Answers | None, bool]]


@dataclass(frozen=True)
class Known:
    """What is known of a foreign network that its tensors do not tell.

    Attributes:
        p: the modulus, if it is to be checked; the tensors tell it.
        model: fields of ``model``, such as ``activation``, ``attention``, ``n_heads``.
        loss: that it was trained with; None to find it from the logits.
        step: of a single checkpoint that does not tell it.
        ignore: patterns of the names of tensors that are none of the network's weights.
        choices: what is open beyond fields of ``model``; rows of CHOICES.
    """

    p: int | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    loss: LossName | None = None
    step: int | None = None
    ignore: tuple[str, ...] = ()
    choices: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hints(self) -> Hints:
        """What a layout's reader is told of it.

        Raises:
            ValueError: for a choice that there is not, naming the nearest.
        """
        for name in self.choices:
            CHOICES.check(name)
        modulus = {} if self.p is None else {"p": self.p}
        return Hints(self.model, {}, {**self.choices, **modulus}, self.ignore)


@dataclass(frozen=True)
class Reading:
    """A foreign checkpoint that was read.

    Attributes:
        layout: that it has.
        found: the network of every state, the newest last.
        evidence: what is known of its answers.
        recognized, assumed: what to tell of it.
        where: what to name in errors.
        known: by the user.
    """

    layout: str
    found: tuple[Recognized, ...]
    evidence: Evidence
    recognized: tuple[str, ...]
    assumed: tuple[str, ...]
    where: str
    known: Known

    @property
    def newest(self) -> Recognized:
        """The network of the newest state."""
        return self.found[-1]

    @cached_property
    def networks(self) -> list[Network]:
        """The network of every state."""
        return [as_network(one, self.known.model, self.where) for one in self.found]

    @cached_property
    def logits(self) -> Tensor:
        """Of the newest, for all p² pairs in the order m·p + n."""
        return logits_of(self.networks[-1], all_pairs(self.newest.p))

    @property
    def is_trained(self) -> bool:
        """Whether it answers something clearly better than by chance."""
        seen = self.answers[self.evidence.pairs @ [self.newest.p, 1]]
        return self.evidence.share(seen) > 1 / self.newest.p + self.evidence.clear

    @cached_property
    def answers(self) -> Answers:
        """The newest network's, to the same pairs."""
        return answers_of(self.logits)

    def own_group(self) -> OwnGroup | None:
        """The group that these answers are the table of, or nearly."""
        return own_group(self.answers, self.logits)


def read_networks(
    foreign: Foreign,
    layout: str,
    known: Known,
    labels: Labels,
    where: str,
    live: Live | None = None,
) -> Reading:
    """Finds the layout, which the newest state decides, and reads the network of every state.

    Args:
        foreign: what was found in a file.
        layout: a row of LAYOUTS, or ``auto``.
        known: by the user.
        labels: for a modulus, the labels that were given in training, of all p² pairs.
        where: what to name in errors.
        live: the module itself, if it is there; what is open is then as its logits have it.

    Raises:
        ValueError: for an unknown layout, shapes that contradict one another or p, or weights
            that are no finite real numbers.
    """
    *earlier, (_, newest) = foreign.states
    row = find_layout(layout, newest, known.ignore)
    gathered = cache(lambda p: _gathered(p, labels))

    settled = settle(
        lambda hints: row.read(newest, hints),
        replace(known.hints, config=foreign.config),
        lambda found: _share(as_network(found, known.model, where), gathered(found.p), live),
        lambda found: gathered(found.p).clear,
        _by_answers if live is None else _by_the_module,
    )
    found = settled.network
    _check_asked(known, found, settled.hints, row.name)
    if known.p is not None and found.p != known.p:
        raise ValueError(f"p: expected {known.p}, but the tensors are of p = {found.p}")
    # Biases that are zero at first, and not later, are there all the time.
    biased = {**settled.hints.choices, "bias": found.model.get("bias", False)}
    alike = replace(settled.hints, choices=biased)
    return Reading(
        layout=row.name,
        found=(*(row.read(tensors, alike) for _, tensors in earlier), found),
        evidence=gathered(found.p),
        recognized=(f"{Path(where).name}: {row.name}", *found.recognized, *settled.recognized),
        assumed=(*found.assumed, *settled.assumed),
        where=where,
        known=known,
    )


def _share(network: Network, evidence: Evidence, live: Live | None) -> float:
    """How much of what is known a network answers; above one half where it is a live module."""
    right = evidence.share(answers_of(logits_of(network, evidence.pairs)))
    if live is None:
        return right
    p = network.task.p
    gap = live.gap(logits_of(network, all_pairs(p)), p)
    return 0.5 * right + 0.5 * (gap is not None and gap.is_none)


def _by_answers(own: float, rival: float) -> str:
    return f"by its answers, {percent(own)} right and {percent(rival)} otherwise"


def _by_the_module(own: float, rival: float) -> str:
    return "as the module's own logits have it"


def _check_asked(known: Known, found: Recognized, hints: Hints, layout: str) -> None:
    """Refuses to settle what nobody asks."""
    model = {**found.model, **known.model}
    if known.model.get("norm_at") == "pre" and model.get("norm", "none") == "none":
        raise ValueError("norm_at: expected none for a network without norms on its neurons")
    for name in known.choices:
        if name not in hints.asked:
            raise ValueError(f"settle {name}: layout {layout} does not ask for it here")


def all_pairs(p: int) -> Int[np.ndarray, "pair 2"]:
    """All p² pairs, in the order m·p + n."""
    return np.stack(np.divmod(np.arange(p * p), p), axis=1)


def _gathered(p: int, labels: Labels) -> Evidence:
    found, given = labels(p)
    return gather(p, found, labels_are_given=given)


def as_network(found: Recognized, model: Mapping[str, Any], where: str) -> Network:
    """A network of this project, with the weights that were read.

    Raises:
        ValueError: naming a weight that is missing, unknown, of a wrong shape, or no array of
            finite real numbers.
    """
    for name, weight in found.weights.items():
        if not weight.is_floating_point():
            raise ValueError(f"{where}: tensor {name}: expected real numbers, got {weight.dtype}")
        if not bool(torch.isfinite(weight).all()):
            raise ValueError(
                f"{where}: tensor {name}: expected finite numbers, got NaN or infinity"
            )
    config = RunConfig(
        task={"operation": "x + y", "p": found.p},
        model={**found.model, **model},
        dtype=dtype_of(found),
    )
    network = empty_network(config, config.make_task())
    arrays = {name: one.detach().cpu().numpy() for name, one in found.weights.items()}
    load_weights(network, arrays, Path(where))
    return network


def dtype_of(found: Recognized) -> str:
    """The precision of a network: the widest among its weights."""
    wide = any(one.dtype == torch.float64 for one in found.weights.values())
    return "float64" if wide else "float32"
