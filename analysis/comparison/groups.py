"""Groups of what is compared: those that differ by seed alone are one; what tells groups apart."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interp.analysis.comparison.subjects import Subject, members_of
from interp.training.arguments import truth

SEED, STEP, NAME = "seed", "step", "name"
_HASH = re.compile(r"[0-9a-f]{8,}")


def is_hash(name: str) -> bool:
    """Whether a run's name is one that a sweep gave it, which tells a reader nothing."""
    return _HASH.fullmatch(name) is not None


Member = tuple[str | None, Subject]


@dataclass(frozen=True)
class Group:
    """One of what is compared, or several that differ by seed alone.

    Attributes:
        members: in the order that they were given in.
        settings: of all that differs between the groups, what it has, by dotted path; ``seed``,
            ``step`` and ``name`` among them.
        title: that a mapping gave it; None where the settings tell it.
    """

    members: tuple[Subject, ...]
    settings: Mapping[str, Any]
    title: str | None = None

    @property
    def seeds(self) -> tuple[int | None, ...]:
        """Of its members."""
        return tuple(one.seed for one in self.members)

    @property
    def label(self) -> str:
        """By its title, or by settings and values: ``optimizer.weight_decay 5``."""
        if self.title is not None:
            return self.title
        if not self.settings:
            return f"{len(self.members)} seeds"
        return ", ".join(f"{path} {value}" for path, value in self.settings.items())


@dataclass(frozen=True)
class Groups:
    """All groups, and what they share.

    Attributes:
        groups: in the order that they were first met in.
        shared: settings that all have alike, by dotted path; none of results, which tell none.
    """

    groups: tuple[Group, ...]
    shared: Mapping[str, Any]

    @property
    def members(self) -> tuple[Subject, ...]:
        """Of all groups."""
        return tuple(one for group in self.groups for one in group.members)

    @property
    def folded(self) -> bool:
        """Whether a group has several members."""
        return any(len(group.members) > 1 for group in self.groups)

    @property
    def differing(self) -> tuple[str, ...]:
        """The settings by which the groups are told apart."""
        return tuple(dict.fromkeys(path for one in self.groups for path in one.settings))


def groups_of(
    several: Any, result: type | None = None, step: int | None = None, fold: bool = True
) -> Groups:
    """Puts together what differs by seed alone.

    Runs that were not trained here have no settings that are known, and results none at all:
    these are put together only where a mapping says so, a list under a name.

    Args:
        several: a list, or a mapping from names to one, or to a list of those that differ by seed.
        result: what may stand in place of a run, such as a neuron table.
        step: of every run, whose checkpoint is then meant.
        fold: whether those that differ by seed alone are one group.

    Raises:
        TypeError: if it is no list or mapping, or something in it cannot be compared.
        ValueError: if there are fewer than two, one is there twice, a name holds what differs by
            more than the seed, or nothing tells two of them apart.
    """
    members = members_of(several, result, step)
    if len(members) < 2:
        raise ValueError(f"expected at least two to compare, got {len(members) or 'none'}")
    _check_once(members)
    together = _together(members, truth(fold, "fold"))
    for title, inside in together:
        _check_title(title, inside)
    differing = _differing([inside for _, inside in together])
    told = [{path: _value(one, path) for path in differing} for _, (one, *_) in together]
    titles = [title for title, _ in together]
    if None in titles:
        told = _told_apart(told, [inside for _, inside in together])
    groups = [
        Group(tuple(inside), settings, title)
        for (title, inside), settings in zip(together, told, strict=True)
    ]
    subjects = [one for _, one in members]
    first = subjects[0].settings
    shared = {p: v for p, v in first.items() if all(one.settings.get(p) == v for one in subjects)}
    return Groups(tuple(groups), shared)


def _check_once(members: Sequence[Member]) -> None:
    """Refuses what is there twice: the same run, or the same training under another name."""
    seen: dict[Any, str] = {}
    for title, one in members:
        keys: list[Any] = [one.place]
        if title is None and one.config is not None:
            keys.append((one.alike[:2], one.seed, one.at))
        for key in keys:
            if key in seen:
                pair = f"{seen[key]!r} and {one.name!r}"
                raise ValueError(f"expected each once, got {pair} with the same settings and seed")
            seen[key] = one.name


def _together(members: Sequence[Member], fold: bool) -> list[tuple[str | None, list[Subject]]]:
    found: dict[Any, tuple[str | None, list[Subject]]] = {}
    for title, one in members:
        folds = fold and one.config is not None
        key = ("title", title) if title is not None else one.alike if folds else id(one)
        found.setdefault(key, (title, []))[1].append(one)
    return list(found.values())


def _check_title(title: str | None, inside: Sequence[Subject]) -> None:
    first = inside[0]
    for one in inside[1:]:
        for path in {**first.settings, **one.settings}:
            known = [each.settings.get(path) for each in (first, one)]
            if known[0] != known[1]:
                raise ValueError(
                    f"{title}: expected runs that differ by seed alone, got {path} "
                    f"{known[0]} and {known[1]}"
                )


def _differing(together: Sequence[Sequence[Subject]]) -> list[str]:
    firsts = [inside[0] for inside in together]
    paths = dict.fromkeys(path for one in firsts for path in one.settings)
    found = [path for path in paths if len({str(one.settings.get(path)) for one in firsts}) > 1]
    single = all(len(inside) == 1 for inside in together)
    if single and len({one.seed for one in firsts}) > 1:
        found.append(SEED)
    if any(one.step is not None for one in firsts) and len({one.at for one in firsts}) > 1:
        found.append(STEP)
    return found


def _value(one: Subject, path: str) -> Any:
    if path == SEED:
        return one.seed
    return one.at if path == STEP else one.settings.get(path)


def _told_apart(
    told: list[dict[str, Any]], together: Sequence[Sequence[Subject]]
) -> list[dict[str, Any]]:
    """Adds the names of runs where settings do not tell them apart; never a hash."""
    if len({str(one) for one in told}) == len(told):
        return told
    names = [inside[0].name for inside in together]
    if len(set(names)) < len(names) or any(map(is_hash, names)):
        raise ValueError(
            "expected a mapping from names to what is compared, as nothing tells "
            f"{names[0]!r} from the others"
        )
    return [{**one, NAME: name} for one, name in zip(told, names, strict=True)]
