"""The command that tells what of the installation works, and what to install for the rest."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from interp.cli.installed import EXTRAS, PACKAGE, Package, found, of_extra, required
from interp.cli.parameters import Json
from interp.cli.print_runs import print_json, say
from interp.cli.terminal import show


def doctor(*, json_: Json = False) -> None:
    """Tell what of the installation works, and what to install for the rest.

    Exit code 1 where a package that is required is absent or outside its range.
    """
    from interp.cli.machinery import compiled, drawing, environment, gpu

    own, packages = found(PACKAGE), required()
    extras = {name: inside for name in EXTRAS if (inside := of_extra(name))}
    parts = {"GPU": gpu(), "images": drawing(), "compiled steps are kept": compiled()}
    wrong = [one.words for one in packages if not one.fits]
    if own is None:
        wrong.append(f"{PACKAGE} itself is not installed, so its requirements are not known")
    about = {PACKAGE: own or "not installed", **environment()}
    if json_:
        print_json(_plain(about, packages, extras, parts, wrong))
    else:
        _print(about, packages, extras, parts)
        say(_verdict(wrong, len(packages)))
    if wrong:
        sys.exit(1)


def _verdict(wrong: list[str], count: int) -> str:
    if not wrong:
        return f"all {count} required packages are there, in their ranges"
    return f"to be mended: {'; '.join(wrong)}; pip install --upgrade {PACKAGE}"


def _print(
    about: Mapping[str, str],
    packages: list[Package],
    extras: Mapping[str, list[Package]],
    parts: Mapping[str, tuple[bool, str]],
) -> None:
    for name, words in about.items():
        say(f"{name}: {words}")
    for name, (well, words) in parts.items():
        say(f"{name}: {'yes' if well else 'no'}: {words}")
    shown = Table("required", "wanted", "found", "")
    for one in packages:
        shown.add_row(one.name, one.wanted, one.found or "–", "" if one.fits else "to be mended")
    show(shown)
    shown = Table("extra", "for", "found", "install")
    for name, inside in extras.items():
        lacking = any(not one.fits for one in inside)
        install = f"pip install '{PACKAGE}[{name}]'" if lacking else ""
        shown.add_row(name, EXTRAS[name], _of_extra(inside), install)
    show(shown)


def _of_extra(packages: list[Package]) -> str:
    """What of an extra is there; what is not is named first."""
    lacking = [one.words for one in packages if not one.fits]
    there = f"{len(packages) - len(lacking)} of {len(packages)}"
    if len(packages) <= 2:
        there = ", ".join(f"{one.name} {one.found}" for one in packages if one.fits)
    return "; ".join(filter(None, [*lacking, there]))


def _plain(
    about: Mapping[str, str],
    packages: list[Package],
    extras: Mapping[str, list[Package]],
    parts: Mapping[str, tuple[bool, str]],
    wrong: list[str],
) -> dict[str, Any]:
    return {
        "well": not wrong,
        "wrong": wrong,
        "environment": dict(about),
        "required": {one.name: one.to_dict() for one in packages},
        "extras": {
            name: {
                "for": EXTRAS[name],
                "well": all(one.fits for one in inside),
                "install": f"pip install '{PACKAGE}[{name}]'",
                "packages": {one.name: one.to_dict() for one in inside},
            }
            for name, inside in extras.items()
        },
        "parts": {name: {"well": well, "words": words} for name, (well, words) in parts.items()},
    }
