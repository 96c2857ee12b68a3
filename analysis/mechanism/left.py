"""One filtered network with its scores, beside what the same filter makes of a lazy network."""

from __future__ import annotations

from dataclasses import dataclass, field

from interp.analysis.mechanism.filter_scores import FilterScores
from interp.analysis.mechanism.filtered import By, Part, filter_of, filtered
from interp.analysis.mechanism.scored import Scored
from interp.analysis.mechanism.vote import label_vote, mean_scores
from interp.training.models.network import Network
from interp.training.runs.subject import Source, as_checkpoint

WORDS = {
    "whole": "before",
    "left": "after",
    "lazy": "the same of a lazy network",
    "vote": "label vote",
}


@dataclass(frozen=True, repr=False)
class Left(Scored):
    """Scores before and after a filter, by the names of ``WORDS``.

    Attributes:
        network: what is left, in the precision of the one that was filtered.
        kept: how many blocks of how many.
    """

    network: Network = field(compare=False)
    kept: tuple[int, int]

    @classmethod
    def words(cls, which: str) -> str:
        """What a name stands for."""
        return WORDS[which]

    @classmethod
    def is_control(cls, which: str) -> bool:
        """Whether it learned nothing."""
        return which in ("lazy", "vote")


def filter_left(
    source: Source,
    part: Part = "G",
    *,
    by: By = "answer",
    keep: int | None = None,
    step: int | None = None,
    seed: int = 0,
) -> Left:
    """What a filter leaves of a network, as :func:`filtered`, with its scores.

    Args:
        source: a run or its folder, or a checkpoint.
        part: ``G`` for the blocks that are kept, ``R`` for the rest.
        by: what chooses the blocks.
        keep: how many; one a neuron by default, and 20 of 56 of a last matrix.
        step: which checkpoint of a run.
        seed: of random blocks and of the lazy network.

    Raises:
        ValueError: as there, and for a network without a dataset.
    """
    checkpoint = as_checkpoint(source, step)
    network = filtered(checkpoint, part, by=by, keep=keep, seed=seed)
    found = filter_of(checkpoint.network)
    look = FilterScores(checkpoint, found, keep or found.default_keep, seed)
    lazies = [filtered(lazy, part, by=by, keep=keep, seed=seed) for lazy in look.lazies()]
    scores = {
        "whole": look.of(checkpoint.network),
        "left": look.of(network),
        "lazy": mean_scores([look.of(one) for one in lazies]),
        "vote": label_vote(checkpoint),
    }
    lazy = f"lazy: frozen random features, ridge read-out, mean of {len(lazies)} draws"
    caption = f"{part}-net by {by} · {look.caption_of(part)}"
    return Left(scores, caption, checkpoint.name, network, (look.keep, found.blocks - 1), note=lazy)
