"""Files elsewhere in the repository that are pages of the guide, and links to them."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

GUIDE = "examples/guide"
RESULTS = "tests/benchmarks/results"
FIXED = {
    "CHANGELOG.md": "reference/changelog.md",
    "CONTRIBUTING.md": "reference/contributing.md",
}
LINK = re.compile(r"(\]\()([^)\s]+)(\))")


def places(root: Path) -> dict[str, str]:
    """Where in the guide each file of the repository stands, by its path there."""
    found = dict(FIXED)
    for path in sorted((root / RESULTS).glob("*.md")):
        found[f"{RESULTS}/{path.name}"] = f"numbers/{path.name}"
    return found


def pages(root: Path) -> dict[str, str]:
    """The text of these pages, by their place in the guide."""
    return {place: (root / path).read_text("utf-8") for path, place in places(root).items()}


def navigation(root: Path) -> list[str]:
    """The results of benchmarks, in order."""
    return [place for place in places(root).values() if place.startswith("numbers/")]


def home(place: str, root: Path) -> str:
    """The path in the repository of a page of the guide."""
    back = {place: path for path, place in places(root).items()}
    return back.get(place, f"{GUIDE}/{place}")


def within(markdown: str, path: str, place: str, root: Path) -> str:
    """A page whose links to files of the repository lead to their pages in the guide.

    Args:
        markdown: of the page.
        path: of its file in the repository, which its links start from.
        place: in the guide.
        root: of the repository.

    Raises:
        ValueError: if a link leads to what is no page.
    """
    known = places(root)

    def led(match: re.Match[str]) -> str:
        target, _, anchor = match[2].partition("#")
        if "://" in target or not target:
            return match[0]
        meant = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        there = known.get(meant)
        if there is None and not meant.startswith(f"{GUIDE}/"):
            raise ValueError(f"{path}: expected a link to a page or a result, got {match[2]}")
        there = there or meant.removeprefix(f"{GUIDE}/")
        link = posixpath.relpath(there, posixpath.dirname(place) or ".")
        return f"{match[1]}{link}{'#' if anchor else ''}{anchor}{match[3]}"

    return LINK.sub(led, markdown)
