"""Functions of somebody's own that watch a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy

from interp.training.data.scores import Scores
from interp.training.models.network import Network

# Called as (step, scores or None where the step is not scored, network). The network is a copy:
# what is done to it changes nothing. It may return "stop", which ends the run.
Callback = Callable[[int, Scores | None, Network], object]
STOP = "stop"


class CallbackError(RuntimeError):
    """A callback failed; what was saved before is kept, and the same call goes on from there."""


def call_all(
    callbacks: Sequence[Callback], step: int, scores: Scores | None, network: Network
) -> str | None:
    """Calls every callback; the reason to stop, if one has asked for it.

    Raises:
        CallbackError: if one fails or returns another word.
    """
    asked = None
    for callback in callbacks:
        name = getattr(callback, "__name__", type(callback).__name__)
        try:
            answer = callback(step, scores, copy_of(network))
        except Exception as error:
            text = f"callback {name} failed at step {step}: {type(error).__name__}: {error}"
            raise CallbackError(text) from error
        if isinstance(answer, str) and answer != STOP:
            raise CallbackError(
                f"callback {name} at step {step}: expected {STOP!r} or nothing, got {answer!r}"
            )
        asked = asked or (f"callback {name} asked for it" if answer == STOP else None)
    return asked


def copy_of(network: Network) -> Network:
    """A network of the same weights that needs no gradients."""
    copied = deepcopy(network, {id(network.task): network.task})
    for weight in copied.parameters():
        weight.requires_grad_(False)
        weight.grad = None
    return copied
