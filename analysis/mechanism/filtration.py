"""What is left of a network when its neurons keep one frequency, beside what needs no learning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from interp.analysis.measure import measure
from interp.analysis.mechanism.filter_scores import LAZY_DRAWS, FilterScores
from interp.analysis.mechanism.filtered import checked_keep, filter_of, no_filter
from interp.analysis.mechanism.scored import Scored
from interp.training.arguments import MOST_DRAWS, whole
from interp.training.data.scores import Scores
from interp.training.models.network import Network
from interp.training.runs.checkpoint import Checkpoint

# The block is that in which the answer curve w has the most power, unless another is named.
WORDS = {
    "whole": "whole network",
    "g": "G-net: block of w",
    "r": "R-net: the rest",
    "joint": "block of u, v, w together",
    "own": "own block of each curve",
    "second": "second block of w",
    "g_low_ipr": "G-net of low-IPR neurons",
    "g_high_ipr": "G-net of high-IPR neurons",
    "permuted": "blocks of other neurons",
    "random": "random blocks",
    "lazy": "lazy network",
    "lazy_g": "lazy network, G-net",
    "random_labels_g": "lazy, random labels, G-net",
    "vote": "label vote",
}
_LAZY = "lazy: frozen random features, ridge read-out, mean of"
CONTROLS = ("permuted", "random", "lazy", "lazy_g", "random_labels_g", "vote")


@dataclass(frozen=True, repr=False)
class Filtration(Scored):
    """Scores of filtered networks and of their controls, by the names of ``WORDS``.

    Attributes:
        strength: scores of ``g``, ``r`` and ``random`` when more blocks are kept, by number of
            blocks.
        kept: how many blocks the G-net keeps, of how many.
        g, r: the filtered networks.
    """

    strength: Mapping[int, Mapping[str, Scores]]
    kept: tuple[int, int]
    g: Network = field(compare=False)
    r: Network = field(compare=False)

    MAIN: ClassVar[tuple[str, ...]] = (
        "whole.test_accuracy",
        "g.test_accuracy",
        "lazy_g.test_accuracy",
        "random.test_accuracy",
        "g.corrupted_accuracy",
        "r.corrupted_accuracy",
    )

    @classmethod
    def words(cls, which: str) -> str:
        """What a name stands for."""
        return WORDS[which]

    @classmethod
    def is_control(cls, which: str) -> bool:
        """Whether it learned nothing, or is chance."""
        return which in CONTROLS

    def values(self) -> dict[str, float | None]:
        """``g.test_accuracy``, ``g.test_loss``, … of every network, and the blocks kept."""
        return {**super().values(), "kept": float(self.kept[0]), "blocks": float(self.kept[1])}

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with the scores by number of blocks kept."""
        strength = {
            str(keep): {net: scores.to_dict() for net, scores in found.items()}
            for keep, found in self.strength.items()
        }
        return {**super().to_dict(), "strength": strength}


def no_filtration(checkpoint: Checkpoint) -> str | None:
    """Why a checkpoint cannot be filtered and scored."""
    return no_filter(checkpoint.network)


@measure(
    "filtration",
    source="Liu and Lu 2026 (arXiv 2605.18022), frequency filtration; controls of this project",
    refuses=no_filtration,
    version=2,
)
def filtration(
    checkpoint: Checkpoint,
    *,
    keep: int | None = None,
    draws: int = 5,
    lazy_draws: int = LAZY_DRAWS,
    strength: bool = True,
    seed: int = 0,
) -> Filtration:
    """Scores when neurons keep one frequency (or irrep), beside networks that learned nothing.

    A filter imposes the symmetry of the rule, and so votes over the training labels: read the
    G-net only beside the lazy network of equal width, whose features are random.

    Args:
        checkpoint: of an MLP or a Transformer.
        keep: blocks a neuron keeps, 1 by default; of a last matrix, 20 of 56 by default.
        draws: of permuted and random blocks, whose means are shown.
        lazy_draws: of lazy networks, whose means are shown; one draw differs much from another.
        strength: also score networks that keep 1, 2, 4, 8, … blocks.
        seed: of all draws.
    """
    whole(draws, "draws", least=1, most=MOST_DRAWS)
    whole(lazy_draws, "lazy_draws", least=1, most=MOST_DRAWS)
    found = filter_of(checkpoint.network)
    keep = checked_keep(found, keep) or found.default_keep
    look = FilterScores(checkpoint, found, keep, seed)
    chosen = found.choose("answer", keep)
    g, r = found.split(chosen), found.split(chosen, "R")
    scores = {"whole": look.of(checkpoint.network), "g": look.of(g), "r": look.of(r)}
    if found.by_neuron:
        scores |= {"joint": look.by("joint"), "own": look.by("own")}
    if 2 * keep < found.blocks:
        scores["second"] = look.by("second")
    if found.by_neuron:
        scores |= {**dict(look.classes(chosen)), "permuted": look.drawn("permuted", draws)}
    scores |= {"random": look.drawn("random", draws), **look.nulls(lazy_draws)}
    curve = dict(look.strength(draws)) if strength else {}
    told = f"{_LAZY} {lazy_draws} draws · random and other blocks: mean of {draws} draws"
    counts = (keep, found.blocks - 1)
    caption = look.caption_of("G")
    return Filtration(scores, caption, checkpoint.name, curve, counts, g, r, note=told)
