"""What is installed: versions, and whether they are in the ranges that the package asks for.

Read from the metadata of the installed packages; nothing of them is imported.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

PACKAGE = "interp"
SHOWN = ("torch", "numpy", "transformer-lens", "plotly")  # by --version

# What each extra is for, by what people do with it.
EXTRAS: Mapping[str, str] = {
    "dip": "Hartigan's dip test, without which no classes are called memorizing and generalizing",
    "images": "figures as PNG, SVG and PDF; draws with a Chromium or Chrome",
    "explorer": "interp explore: a folder of runs in a browser",
    "ray": "sweeps on a Ray cluster",
    "xarray": "per-neuron arrays with named axes",
    "planes": "the answers' output weights by t-SNE, figures.answer_planes",
    "cleanlab": "cleanlab's score beside the others, interp retrain",
    "hub": "interp publish --push: to a model hub",
    "docs": "make docs: the guide as a site",
    "dev": "tests, lint, types and building, for who changes the code",
}


@dataclass(frozen=True)
class Package:
    """A package that is asked for.

    Attributes:
        name: as its index calls it.
        wanted: the range of versions, as text; empty for any.
        found: the installed version; None if there is none.
        fits: whether that is in the range.
    """

    name: str
    wanted: str
    found: str | None
    fits: bool

    @property
    def words(self) -> str:
        """What is the matter with it, in a few words; empty if nothing is."""
        if self.found is None:
            return f"{self.name}{self.wanted} is not installed"
        return "" if self.fits else f"{self.name} {self.found} is outside {self.wanted}"

    def to_dict(self) -> dict[str, str | bool | None]:
        """Plain data."""
        return {"wanted": self.wanted, "found": self.found, "fits": self.fits}


def versions() -> str:
    """The versions that matter, a line each; what ``interp --version`` prints."""
    rows = {PACKAGE: found(PACKAGE), "python": platform.python_version()}
    rows |= {name: found(name) for name in SHOWN}
    return "\n".join(f"{name} {one or 'not installed'}" for name, one in rows.items())


def found(name: str) -> str | None:
    """The installed version of a package; None if there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def required() -> list[Package]:
    """The packages without which nothing works, in the order of their names.

    Empty where the package itself is not installed, so that no ranges are known.
    """
    return [_package(one) for one in _requirements() if one.marker is None]


def of_extra(extra: str) -> list[Package]:
    """The packages that an extra installs."""
    return [
        _package(one)
        for one in _requirements()
        if one.marker is not None
        and one.marker.evaluate({"extra": extra})
        and not one.marker.evaluate({"extra": ""})
    ]


def _requirements() -> Iterator[Requirement]:
    from packaging.requirements import Requirement

    try:
        listed = requires(PACKAGE) or []
    except PackageNotFoundError:
        listed = []
    return map(Requirement, listed)


def _package(wanted: Requirement) -> Package:
    there = found(wanted.name)
    fits = there is not None and wanted.specifier.contains(there, prereleases=True)
    return Package(wanted.name, str(wanted.specifier), there, fits)
