"""Where a run comes from, in a few sentences for a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.words.sentences import setting

if TYPE_CHECKING:
    from interp.training.runs.run import Run


def story(run: Run) -> str:
    """What was trained on what, or where the network comes from, in a few sentences."""
    origin, config = run.origin, run.config
    if origin.trained_here:
        ending = "" if run.ended is None else f" It {run.ended}."
        beginning = config.start.words
        started = "" if beginning is None else f" It started from {beginning}."
        return setting(config) + started + ending
    words = [
        f"A network ({config.model.summary}) on {config.task.title}, {origin.words}. "
        f"{_scored_on(run)}"
    ]
    if origin.imported is not None:
        words.append("How it was trained is not known: the configuration has defaults for it.")
        words.append(f"Recognized: {'; '.join(origin.imported['recognized'])}.")
    return " ".join(words)


def _scored_on(run: Run) -> str:
    """The dataset, as a sentence."""
    data = run.dataset
    if not run.knows_data:
        return "Which pairs it was trained on is not known."
    train, redrawn = int(data.is_train.sum()), int(data.is_redrawn.sum())
    words = f" and {redrawn:,} of these have a redrawn label (ξ = {redrawn / train:.3g})"
    return (
        f"Its training set is {train:,} of all {len(data):,} pairs (α = {train / len(data):.3g})"
        f"{words if redrawn else ''}."
    )
