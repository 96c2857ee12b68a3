"""Functions of somebody's own that watch a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy

from torch import nn

from interp.training.arguments import told
from interp.training.data.scores import Scores
from interp.training.models.network import Network
from interp.training.runs.run import Run

# Called as (step, scores or None where the step is not scored, network). The network is a copy:
# what is done to it changes nothing. It may return "stop", which ends the run. One with a method
# ``begin(run)`` is told the run as it is before the first step, or where it goes on; one with a
# method ``wants(step)`` is called only at steps for which that is true.
Callback = Callable[[int, Scores | None, Network], object]
STOP = "stop"


class CallbackError(RuntimeError):
    """A callback failed; what was saved before is kept, and the same call goes on from there."""


def callbacks_of(callbacks: object) -> list[Callback]:
    """The callbacks of a run, where a single one may stand for a list of one.

    Raises:
        TypeError: if one of them cannot be called.
    """
    given = [callbacks] if callable(callbacks) else callbacks
    if isinstance(given, list | tuple) and all(callable(one) for one in given):
        return list(given)
    raise TypeError(f"callbacks: expected a function or a list of them, got {told(callbacks)}")


def watching(callbacks: object, runs: int) -> list[list[Callback]]:
    """The callbacks of each of several runs; none for None.

    Raises:
        ValueError: if there are not as many lists as runs.
        TypeError: if there is no list of them, or something in it cannot be called.
    """
    if callbacks is None:
        return [[] for _ in range(runs)]
    if not isinstance(callbacks, list | tuple):
        raise TypeError(f"callbacks: expected a list for each run, got {told(callbacks)}")
    if len(callbacks) != runs:
        raise ValueError(
            f"callbacks: expected a list for each of {runs} runs, got {len(callbacks)}"
        )
    return [callbacks_of(one) for one in callbacks]


def call_all(
    callbacks: Sequence[Callback], step: int, scores: Scores | None, network: Network
) -> str | None:
    """Calls every callback; the reason to stop, if one has asked for it.

    Raises:
        CallbackError: if one fails or returns anything else than the word or None.
    """
    asked = None
    for callback in callbacks:
        name = _name(callback)
        try:
            if not is_wanted(callback, step):
                continue
            answer = callback(step, scores, copy_of(network))
        except Exception as error:
            text = f"callback {name} failed at step {step}: {type(error).__name__}: {error}"
            raise CallbackError(text) from error
        if answer is None:
            continue
        if not isinstance(answer, str) or answer != STOP:
            got = repr(answer) if isinstance(answer, str) else told(answer)
            raise CallbackError(
                f"callback {name} at step {step}: expected {STOP!r} or nothing, got {got}"
            )
        asked = asked or f"callback {name} asked for it"
    return asked


def begin_all(callbacks: Sequence[Callback], run: Run) -> None:
    """Tells the callbacks that ask for it which run they watch.

    Raises:
        CallbackError: if one fails.
    """
    for callback in callbacks:
        begin = getattr(callback, "begin", None)
        try:
            if begin is not None:
                begin(run)
        except Exception as error:
            text = f"callback {_name(callback)} failed before training: {error}"
            raise CallbackError(text) from error


def _name(callback: Callback) -> str:
    found: str = getattr(callback, "__name__", type(callback).__name__)
    return found


def is_wanted(callback: Callable[..., object], step: int) -> bool:
    """Whether a function that watches is to be called at a step; one that says nothing is."""
    wants = getattr(callback, "wants", None)
    return wants is None or bool(wants(step))


def copy_of(network: Network) -> Network:
    """A network of the same weights on the processor, where it is read, without gradients."""
    copied = deepcopy(network, {id(network.task): network.task})
    if isinstance(copied, nn.Module):
        copied.to("cpu")
    for weight in copied.parameters():
        weight.requires_grad_(False)
        weight.grad = None
    return copied
