"""The run that everything is measured on: p 97, 500 neurons, α 0.5, ξ 0.35, float32."""

from __future__ import annotations

from interp.training.config.run_config import RunConfig, parse_config


def coexistence_config(steps: int) -> RunConfig:
    """The paper's coexistence setting, trained for so many steps."""
    return parse_config(
        {
            "task": {"operation": "x + y", "p": 97},
            "data": {"fraction": 0.5, "corruption": 0.35},
            "model": {"width": 500},
            "dtype": "float32",
            "steps": steps,
        }
    )
