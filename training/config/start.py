"""The section that begins a run with weights that are there already, and holds some of them."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch
from typing import Annotated

import numpy as np
from pydantic import Field

from interp.training.config.fields import LATER, PLACE, Section
from interp.training.config.start_file import find_start


class StartConfig(Section):
    """Where the weights come from. The optimizer begins anew."""

    run: Annotated[str | None, PLACE] = Field(
        None, description="run folder (or .safetensors file) whose weights the run begins with"
    )
    step: Annotated[int | None, LATER] = Field(
        None, ge=0, description="of that run's checkpoint; its newest by default"
    )
    digest: Annotated[str | None, LATER] = Field(
        None, description="of these weights; filled in, then checked"
    )
    name: Annotated[str | None, PLACE] = Field(
        None, description="of that run, for sentences; filled in"
    )
    freeze: Annotated[tuple[str, ...], LATER] = Field(
        (), description="parameters that are not updated, as name patterns"
    )

    @property
    def words(self) -> str | None:
        """For sentences: where the weights come from; None for weights that are drawn."""
        if self.digest is None:
            return None
        at = "" if self.step is None else f"step {self.step} of "
        return f"the weights of {at}{self.name or 'a network'}"

    def weights(self) -> Mapping[str, np.ndarray]:
        """The weights to begin with.

        Raises:
            ValueError: if they are nowhere to be found.
        """
        assert self.digest is not None
        return find_start(self.digest, self.run, self.step)

    def frozen(self, names: list[str]) -> set[str]:
        """Those of some parameters that are not updated.

        Raises:
            ValueError: if a pattern fits none, or nothing is left to train.
        """
        found: set[str] = set()
        for pattern in self.freeze:
            fits = {name for name in names if fnmatch(name, pattern)}
            if not fits:
                raise ValueError(
                    f"start.freeze: pattern '{pattern}' fits none of {', '.join(names)}"
                )
            found |= fits
        if len(found) == len(names):
            raise ValueError("start.freeze: expected a parameter that is trained, all are frozen")
        return found
