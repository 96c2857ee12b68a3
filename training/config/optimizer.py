"""The section ``optimizer`` of a configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fnmatch import fnmatch
from typing import Annotated, Any, Literal

from pydantic import Field, field_serializer, field_validator

from interp.training.config.fields import LATER, Section

OptimizerName = Literal["adamw", "adam", "sgd", "muon"]


class OptimizerConfig(Section):
    """How weights are updated."""

    name: OptimizerName = Field(
        "adamw",
        description="'muon': matrices inside the blocks by Muon (its step scaled to AdamW's "
        "size), the others by AdamW",
    )
    lr: float = Field(0.01, gt=0, allow_inf_nan=False, description="learning rate")
    weight_decay: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="AdamW, Muon: decoupled, lr·wd a step; Adam, SGD: L2 penalty",
    )
    decayed: tuple[str, ...] = Field(
        ("*.W_*",), description="parameters that decay, as name patterns; all matrices"
    )
    rates: Annotated[tuple[tuple[str, float], ...], LATER] = Field(
        (),
        description="factors of the learning rate by name pattern, such as {embed.*: 2}; those of "
        "all patterns that fit a parameter are multiplied",
    )
    betas: tuple[float, float] = Field((0.9, 0.98), description="Adam's averaging rates")
    eps: float = Field(1e-8, gt=0, allow_inf_nan=False, description="Adam's denominator offset")
    momentum: float = Field(0.0, ge=0, lt=1, description="momentum of SGD; Muon's is 0.95")
    batch_size: int | None = Field(
        None, ge=1, description="examples a step, drawn by epochs; all of them by default"
    )
    warmup: int = Field(0, ge=0, description="steps over which the rate rises linearly")
    lr_schedule: Literal["constant", "cosine"] = Field(
        "constant", description="the rate after the warm-up; 'cosine' falls to 0 at the last step"
    )

    @field_validator("betas")
    @classmethod
    def _rates(cls, betas: tuple[float, float]) -> tuple[float, float]:
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"expected two numbers ≥ 0 and < 1, got {list(betas)}")
        return betas

    @field_validator("rates", mode="before")
    @classmethod
    def _factors(cls, rates: object) -> object:
        pairs = sorted(rates.items(), key=str) if isinstance(rates, Mapping) else rates
        listed = isinstance(pairs, list | tuple) and all(map(_is_factor, pairs))
        if not listed:
            raise ValueError(f"expected a mapping from name patterns to factors ≥ 0, got {rates!r}")
        return pairs

    @field_serializer("rates")
    def _mapping(self, rates: tuple[tuple[str, float], ...]) -> dict[str, float]:
        return dict(rates)

    def rate_of(self, parameter: str) -> float:
        """The learning rate of a parameter of that name, before any schedule."""
        factors = (factor for pattern, factor in self.rates if fnmatch(parameter, pattern))
        return math.prod(factors, start=self.lr)

    def decays(self, parameter: str) -> bool:
        """Whether a parameter of that name decays."""
        return any(fnmatch(parameter, pattern) for pattern in self.decayed)


def _is_factor(pair: Any) -> bool:
    """Whether it is a name pattern and a factor of the learning rate."""
    if not (isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)):
        return False
    number = isinstance(pair[1], int | float) and not isinstance(pair[1], bool)
    return number and math.isfinite(pair[1]) and pair[1] >= 0
