"""Scores of several networks, or of several parts of one, with the controls among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from interp.training.data.scores import Scores
from interp.training.display import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Scored(Result):
    """Scores by name; what is not defined for a network is left out.

    Attributes:
        scores: of each; of random draws the mean.
        caption: of which checkpoint, and how.
        name: of its run, for titles.
        note: of what the controls are.
    """

    scores: Mapping[str, Scores]
    caption: str
    name: str
    note: str = field(default="", kw_only=True)

    WHAT: ClassVar[str] = "network"

    @classmethod
    def words(cls, which: str) -> str:
        """What a name stands for."""
        return which

    @classmethod
    def is_control(cls, which: str) -> bool:
        """Whether it is a control: something that learned nothing, or chance."""
        return False

    @classmethod
    def beside(cls, which: str) -> str:
        """The name of what a control is the control of, or the name itself."""
        return which

    def values(self) -> dict[str, float | None]:
        """``g.test_accuracy``, ``g.test_loss``, … of each."""
        return {
            f"{which}.{name}": value
            for which, scores in self.scores.items()
            for name, value in scores.values().items()
        }

    def leading(self) -> tuple[str, ...]:
        """Those of ``MAIN``; where there are no test examples, over all pairs."""
        found = self.values()
        names = ((name, name.replace("test_accuracy", "all_accuracy")) for name in self.MAIN)
        known = (next((one for one in pair if found.get(one) is not None), None) for pair in names)
        return tuple(dict.fromkeys(name for name in known if name is not None))

    def to_pandas(self) -> pd.DataFrame:
        """A row for each, controls marked; a column a split and metric."""
        import pandas as pd

        rows: dict[str, dict[str, Any]] = {
            which: {
                "what": self.words(which),
                "control": self.is_control(which),
                **scores.values(),
            }
            for which, scores in self.scores.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index=self.WHAT)
