"""What comes of comparing runs: quantities by group of seeds, and the difference of two groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interp.analysis.comparison.groups import Groups
from interp.analysis.comparison.paired import Tested
from interp.analysis.comparison.spread import Spread
from interp.training.display import Result, Value, plain

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Difference:
    """Of two groups, in one quantity: the second's mean less the first's.

    Attributes:
        count: pairs, or runs of both groups where they are not paired.
        tested: the difference with interval and test; None where there is none.
        reason: why there is none; empty where there is.
    """

    count: int
    tested: Tested | None
    reason: str = ""


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """Several runs, by groups that differ by seed alone.

    Attributes:
        groups: the runs, and what tells the groups apart.
        spreads: of each group, its quantities by name: over its runs mean, least and greatest.
        differences: of two groups, by quantity; empty for another number of groups.
        pairs: the seeds that both groups have, in the order that they are paired; None where runs
            are not paired.
        read: what was read, in words.
        how: how differences were tested, in words; empty where none was.
        note: what the numbers do not say.
    """

    groups: Groups
    spreads: tuple[Mapping[str, Spread], ...]
    differences: Mapping[str, Difference]
    pairs: tuple[int, ...] | None
    read: tuple[str, ...]
    how: tuple[str, ...] = ()
    note: str = ""

    @property
    def caption(self) -> str:
        """What was read, and how differences were tested."""
        return " · ".join([*self.read, *self.how])

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of what is compared."""
        return tuple(dict.fromkeys(name for one in self.spreads for name in one))

    def values(self) -> dict[str, Value]:
        """Mean of each quantity in each group; of two groups the difference, interval and p."""
        found: dict[str, Value] = {}
        for name in self.quantities:
            for group, one in zip(self.groups.groups, self.spreads, strict=True):
                if name in one:
                    found[f"{group.label}: {name}"] = one[name].mean
            tested = self.differences[name].tested if name in self.differences else None
            if tested is not None:
                found[f"difference: {name}"] = tested.mean
                found |= {f"difference: {name}.low": tested.low}
                found |= {f"difference: {name}.high": tested.high}
                found[f"difference: {name}.p_value"] = tested.p_value
        return found

    def leading(self) -> tuple[str, ...]:
        """Test accuracies and their difference."""
        return tuple(name for name in self.values() if name.endswith(": test_accuracy"))

    def to_pandas(self) -> pd.DataFrame:
        """A row a group and quantity, and a row a difference, whose interval and p are beside it.

        Columns: what tells groups apart by dotted path, group, quantity, runs, mean, least,
        greatest, low, high, p_value, least_p. A value that never came makes a mean NaN.
        """
        import pandas as pd

        rows = [row for place, _ in enumerate(self.spreads) for row in self._rows(place)]
        for name, one in self.differences.items():
            if one.tested is not None:
                row = {"group": "difference", "quantity": name, "runs": one.count}
                told = {k: v for k, v in vars(one.tested).items() if k != "exact"}
                rows.append({**row, **told})
        heads = [*self.groups.differing, "group", "quantity", "runs", "mean", "least", "greatest"]
        heads += ["low", "high", "p_value", "least_p"]
        frame = pd.DataFrame(rows, columns=pd.Index(heads))
        numbers = heads[heads.index("mean") :]
        return frame.astype(dict.fromkeys(numbers, float))

    def _rows(self, place: int) -> list[dict[str, Any]]:
        group = self.groups.groups[place]
        start = {**group.settings, "group": group.label}
        return [
            {**start, "quantity": name, "runs": one.count, "mean": one.mean}
            | {"least": one.least, "greatest": one.greatest}
            for name, one in self.spreads[place].items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain data: each group with its runs and quantities, then the differences."""
        groups = []
        for group, spreads in zip(self.groups.groups, self.spreads, strict=True):
            runs = [{"name": o.name, "seed": o.seed, "step": o.at} for o in group.members]
            told = {name: _told(one) for name, one in spreads.items()}
            about = {"group": group.label, "settings": dict(group.settings), "runs": runs}
            groups.append({**about, "quantities": told})
        differences = {
            name: {"count": one.count, "reason": one.reason}
            | ({} if one.tested is None else vars(one.tested))
            for name, one in self.differences.items()
        }
        paired_by = None if self.pairs is None else list(self.pairs)
        found = {"caption": self.caption, "note": self.note, "groups": groups}
        return {**found, "paired_seeds": paired_by, "differences": differences}


def _told(one: Spread) -> dict[str, Any]:
    values = [plain(value) for value in one.values]
    return {"values": values, "mean": one.mean, "least": one.least, "greatest": one.greatest}
