"""Parameters that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

Json = Annotated[bool, Parameter(name="--json", negative="", help="print one JSON object only")]
Figure = Annotated[Path | None, Parameter(help="write the figure to this .html file")]
