"""The command line: registers the commands, and turns errors into one line and an exit code."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cyclopts import App, CycloptsError, Parameter

from interp.cli.refusals import converted, told
from interp.cli.terminal import end_cut_off, take_any_letter
from interp.training.blas import set_for_process
from interp.training.lines import noted


def _versions() -> str:
    from interp.cli.installed import versions  # no other command needs it

    return versions()


app = App(
    name="interp",
    help="Which neurons of a network memorized, and which generalized?",
    help_format="markdown",
    version=_versions,
    version_format="plaintext",
    suppress_keyboard_interrupt=False,  # training says where it stopped
    default_parameter=Parameter(converter=converted),
)
# Named by text, and so imported only when asked for: help must not wait for torch.
COMMANDS = {
    "demo": (
        "demo:demo",
        "Train the paper's coexistence run, find and prune its memorizing neurons, report.",
    ),
    "train": ("runs:train", "Train a network, or go on with a run that was cut off."),
    "ipr": (
        "neurons:ipr",
        "Show the IPR histogram of a checkpoint, with the classes of its neurons.",
    ),
    "prune": (
        "neurons:prune",
        "Prune the memorizing neurons; re-evaluate every split, beside random controls.",
    ),
    "filter": (
        "filtering:filter_",
        "Keep one frequency a neuron, or the rest; re-evaluate every split, beside controls.",
    ),
    "repair": (
        "repairing:repair",
        "Tell which training labels the pruned network would change; write them repaired.",
    ),
    "retrain": (
        "retraining:retrain",
        "Train a run again on other examples: which of its labels are memorized, or wrong?",
    ),
    "pairs": (
        "pairs:pairs",
        "Show every pair: labels, answer, margin, since when; without memorizing neurons.",
    ),
    "spectrum": (
        "runs:spectrum",
        "Show the Fourier spectrum of the embeddings, or of one neuron.",
    ),
    "heads": ("runs:heads", "Ablate a Transformer's heads one at a time and score what is left."),
    "measure": (
        "measures:measure_app",
        "List the measures, or run one: interp measure NAME RUN, with the measure's own options.",
    ),
    "compare": (
        "compare:compare",
        "Compare runs: what differs, scores and IPR by group of seeds, the difference of two.",
    ),
    "report": (
        "runs:report",
        "Write a run as one HTML file to play with: threshold, checkpoint, neuron.",
    ),
    "sweep": (
        "sweeps:sweep_app",
        "Train every cell of a grid once; resume, share or split a sweep.",
    ),
    "collect": (
        "sweeps:collect",
        "Rebuild the table of results, from the run folders alone if need be.",
    ),
    "phases": ("sweeps:phases", "Show the phase diagram of a sweep, by the vote of the seeds."),
    "explore": (
        "explore:explore",
        "Explore a folder of runs and sweeps in a browser, on this machine only.",
    ),
    "reproduce": (
        "reproduce:reproduce",
        "Try a claim or figure of the paper, or all of them: train, measure, draw, judge.",
    ),
    "experiment": (
        "experiment:experiment",
        "Run an experiment of stages: train, take away or exchange, train on, read it off.",
    ),
    "import": ("exchange:import_", "Take in a checkpoint of other code, as a run folder."),
    "export": (
        "exchange:export",
        "Write a network as a plain state dict that other code reads.",
    ),
    "publish": ("exchange:publish", "Write a run as a folder fit for a model hub."),
    "doctor": (
        "doctor:doctor",
        "Tell what of the installation works, and what to install for the rest.",
    ),
}
for _name, (_home, _help) in COMMANDS.items():
    app.command(f"interp.cli.{_home}", name=_name, help=_help)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: errors are one line on standard error and an exit code, never a traceback.

    Exit codes: 0 done, 1 training diverged or the installation is to be mended, 2 bad input, 130
    interrupted, 141 cut off by a reader such as ``head``.
    """
    take_any_letter()
    set_for_process()
    tokens = sys.argv[1:] if arguments is None else list(arguments)
    # Imports make objects by the hundred thousand, and all stay: looking for garbage among them,
    # then and at the end, would take a second of every command.
    gc.set_threshold(200_000, 50, 50)
    atexit.register(gc.freeze)
    try:
        with warnings.catch_warnings(), _terminated_as_interrupted():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = noted
            os.getcwd()
            app(tokens, exit_on_error=False, print_error=False, result_action="return_none")
            sys.stdout.flush()
    except CycloptsError as error:
        _fail(told(error, COMMANDS), 2)
    except ValueError as error:
        _fail(str(error), 2)
    except BrokenPipeError:
        end_cut_off()
    except TypeError as error:
        if not str(error).startswith("expected "):
            raise
        _fail(str(error), 2)
    except OSError as error:
        _fail(_of_the_system(error), 2)
    except (MemoryError, RuntimeError) as error:
        from interp.training.memory import shortage

        short = shortage(error)
        if short is None:
            raise
        _fail(f"not enough memory ({short})", 2)
    except ArithmeticError as error:
        _fail(str(error), 1)
    except KeyboardInterrupt as error:
        _fail(str(error) or "interrupted", 130)


def _of_the_system(error: OSError) -> str:
    if error.filename:
        return f"{error.filename}: {error.strerror}"
    if error.errno == errno.ENOENT:
        return "the working directory is no longer there; go to another one"
    if error.errno == errno.ENOSPC:
        return "standard output: no space left on the device"
    return str(error)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Lets a scheduler's SIGTERM save a checkpoint, as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(*about: object) -> None:
    # A shell starts its background jobs with Ctrl-C ignored; they can be terminated all the same.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)


def _fail(message: str, code: int) -> None:
    print(f"interp: {' '.join(message.splitlines())}", file=sys.stderr)
    sys.exit(code)
