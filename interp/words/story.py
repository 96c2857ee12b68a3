"""Where a run comes from: trained here, or imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.training.runs.origin import origin_of
from interp.words.sentences import setting

if TYPE_CHECKING:
    from interp.training.runs.run import Run


def story(run: Run) -> str:
    """What was trained on what, or where the network comes from, in a few sentences."""
    about = origin_of(run)
    if about is None:
        ending = "" if run.ended is None else f" It {run.ended}."
        return setting(run.config) + ending
    config = run.config
    return (
        f"A network ({config.model.summary}) on {config.task.title}, "
        f"imported. Recognized: {'; '.join(about['recognized'])}. Assumed: "
        f"{'; '.join(about['assumed']) or 'nothing'}. How it was trained is not known: the "
        "configuration has defaults for it."
    )
