"""Parameters that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

Json = Annotated[bool, Parameter(name="--json", negative="", help="print one JSON object only")]
Figure = Annotated[
    Path | None, Parameter(help="write the figure to this .html, .png, .svg or .pdf file")
]
Template = Annotated[
    Literal["screen", "paper", "paper-wide"],
    Parameter(help="look of the figure; paper: one column, 86 mm, paper-wide: two, 178 mm"),
]
