"""The network with x² in place of its own activation function, nothing retrained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.mechanism.filter_scores import LAZY_DRAWS, FilterScores
from interp.analysis.mechanism.filtered import filter_of, filtered, no_filter
from interp.analysis.mechanism.scored import Scored
from interp.analysis.mechanism.vote import mean_scores
from interp.training.arguments import whole
from interp.training.models.network import Network
from interp.training.runs.checkpoint import Checkpoint

SQUARE = "square"
_SWAPPED = "_swapped"
WORDS = {
    "whole": "whole network",
    "g": "G-net",
    "r": "R-net",
    "random": "random blocks",
    "lazy": "lazy network",
    "lazy_g": "lazy network, G-net",
}
CONTROLS = ("random", "lazy", "lazy_g")


@dataclass(frozen=True, repr=False)
class Swap(Scored):
    """Scores of networks by the names of ``WORDS``, and ``…_swapped`` with x² in them."""

    MAIN: ClassVar[tuple[str, ...]] = (
        *("whole.test_accuracy", "whole_swapped.test_accuracy"),
        *("g.test_accuracy", "g_swapped.test_accuracy"),
        *("lazy_g.test_accuracy", "lazy_g_swapped.test_accuracy"),
    )

    @classmethod
    def words(cls, which: str) -> str:
        """What a name stands for."""
        net = which.removesuffix(_SWAPPED)
        return WORDS[net] + (", with x²" if net != which else "")

    @classmethod
    def is_control(cls, which: str) -> bool:
        """Whether it learned nothing, or is chance."""
        return which.removesuffix(_SWAPPED) in CONTROLS


def no_swap(checkpoint: Checkpoint) -> str | None:
    """Why a network's activation function cannot be swapped."""
    network = checkpoint.network
    reason = no_filter(network)
    if reason is not None:
        return reason
    if not network.layers:
        return "an attention-only network has no neurons; see its heads"
    if network.model.phi == SQUARE:
        return "expected another activation function than square, which is put in its place"
    return None


@torch.no_grad()
def swapped(network: Network) -> Network:
    """A copy with x² as activation function and the same weights, in float64."""
    model = network.model.model_copy(update={"activation": SQUARE})
    found: Network = type(network)(network.task, model).double()  # type: ignore[call-arg]
    found.load_state_dict(network.state_dict())  # type: ignore[attr-defined]
    return found


@measure(
    "activation_swap",
    source="Liu and Lu 2026 (arXiv 2605.18022), activation swap; controls of this project",
    refuses=no_swap,
    version=2,
)
def activation_swap(checkpoint: Checkpoint, *, seed: int = 0) -> Swap:
    """Scores of the whole network, its G-net and R-net with x² in place of φ, beside controls.

    Args:
        checkpoint: of an MLP or a Transformer whose φ is not x².
        seed: of random blocks and lazy networks.
    """
    whole(seed, "seed")
    found = filter_of(checkpoint.network)
    look = FilterScores(checkpoint, found, found.default_keep, seed)
    chosen = found.choose("answer")
    networks = {
        "whole": [checkpoint.network],
        "g": [found.split(chosen)],
        "r": [found.split(chosen, "R")],
        "random": [found.split(found.choose("random", seed=seed))],
        "lazy": list(look.lazies()),
    }
    networks["lazy_g"] = [filtered(one) for one in networks["lazy"]]
    scores = {}
    for name, each in networks.items():
        scores[name] = mean_scores([look.of(one) for one in each])
        scores[f"{name}{_SWAPPED}"] = mean_scores([look.of(swapped(one)) for one in each])
    words = f"φ = {checkpoint.network.model.phi}, and x² in its place; nothing retrained"
    lazy = f"lazy: frozen random features, ridge read-out, mean of {LAZY_DRAWS} draws"
    caption = place(checkpoint.seed, checkpoint.step, words, look.words_of("G"))
    return Swap(scores, caption, checkpoint.name, note=lazy)
