"""The measures that a report is asked to show besides its own sections."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape

import plotly.graph_objects as go

from interp.analysis.asked import Asked
from interp.figures.untitled import untitled
from interp.notebook import value_table
from interp.training.display import Result
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.folder import Weights
from interp.training.runs.run import Run
from interp.words.measured import origin_words, title_of, why_not


# A measure, its name, or several with the options of each.
@dataclass(frozen=True)
class Measured:
    """What a measure gave.

    Attributes:
        asked: the measure.
        result: None where it is not defined.
        figure: None where there is nothing to draw.
        caption: where the numbers come from.
        reason: why it is not, in a sentence; empty where it is.
        doubts: what the measure warned of.
    """

    asked: Asked
    result: Result | None
    figure: go.Figure | None = None
    caption: str = ""
    reason: str = ""
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kept(Mapping[int, Weights]):
    """The weights of a run, each read once: a measure of a run goes over its checkpoints too."""

    source: Mapping[int, Weights]
    _read: dict[int, Weights] = field(default_factory=dict)

    def __getitem__(self, step: int) -> Weights:
        if step not in self._read:
            self._read[step] = self.source[step]
        return self._read[step]

    def __iter__(self) -> Iterator[int]:
        return iter(self.source)

    def __len__(self) -> int:
        return len(self.source)

    def __contains__(self, step: object) -> bool:
        return step in self.source


def measured(asked: Asked, run: Run, newest: Checkpoint) -> Measured:
    """What a measure gives of a run that is open, or why it gives nothing."""
    measure = asked.measure
    subject = newest if measure.reads == "checkpoint" else run
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            result = measure.of(subject, asked.options)
            figure, caption = untitled(result)
        except ValueError as error:
            return Measured(asked, None, reason=why_not(measure, error))
    # The page says it, to whoever looks at the numbers.
    doubts = dict.fromkeys(str(one.message) for one in caught)
    return Measured(asked, result, figure, caption, doubts=tuple(doubts))


def section(key: str, one: Measured) -> str:
    """The section of a measure: what it is, where it is from, its figure beside its values."""
    measure = one.asked.measure
    if one.result is None:
        inside = f'<p class="note">{escape(one.reason)}</p>'
    else:
        drawn = (
            f'<div><div class="figure" id="figure-{key}"></div></div>'
            if one.figure is not None
            else ""
        )
        table = f'<div class="scroll">{value_table(one.result)}</div>'
        notes = "".join(f'<p class="note">Note: {escape(doubt)}.</p>' for doubt in one.doubts)
        inside = f'{notes}<div class="measured">{drawn}{table}</div>'
    return f"""
<section aria-labelledby="heading-{key}">
<h2 id="heading-{key}">{escape(title_of(measure))} <code>{escape(one.asked.label)}</code></h2>
<p class="caption">{escape(origin_words(measure, one.caption))}</p>
{inside}</section>"""
