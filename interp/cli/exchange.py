"""The commands that take networks in from other code, and give them out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from interp.cli.parameters import Json
from interp.cli.print_runs import print_json, print_scores, say

if TYPE_CHECKING:
    from interp.exchange.rules import Rule


def import_(
    file: Annotated[Path, Parameter(help=".pth, .pt, .safetensors or .npz")],
    /,
    *,
    out: Annotated[Path, Parameter(help="run folder to make")],
    as_: Annotated[
        str,
        Parameter(
            name="--as",
            help="auto, grokking, transformer-lens, bridge, doshi-transformer, doshi, mlp or raw",
        ),
    ] = "auto",
    operation: Annotated[
        str | None, Parameter(help="what was learned: x - y, or x * y in S4; found by its answers")
    ] = None,
    p: Annotated[int | None, Parameter(help="modulus, to be checked against the tensors")] = None,
    data: Annotated[
        Path | None,
        Parameter(
            help="file of training pairs, indices or a mask (train_indices), and labels, "
            "redrawn_indices if any"
        ),
    ] = None,
    rule: Annotated[
        str | None,
        Parameter(
            help="or the rule that drew the dataset: doshi, doshi-transformer, permutation, "
            "progress-measures or interp"
        ),
    ] = None,
    fraction: Annotated[float | None, Parameter(help="α of the rule")] = None,
    corruption: Annotated[float, Parameter(help="ξ of the rule")] = 0.0,
    seed: Annotated[int | None, Parameter(help="of the rule; its own code's if left out")] = None,
    activation: Annotated[str | None, Parameter(help="square, relu, gelu, gelu_tanh, …")] = None,
    attention: Annotated[str | None, Parameter(help="bidirectional or causal")] = None,
    n_heads: Annotated[int | None, Parameter(help="where no tensor tells it")] = None,
    settle: Annotated[
        list[str] | None,
        Parameter(
            help="name=value of what else no tensor tells: orientation, equals_at, mu, or a field "
            "of model, such as equals_token, vocabulary or output_scale"
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None, Parameter(help="tensors that the network does not use, as name patterns")
    ] = None,
    norm_at: Annotated[str | None, Parameter(help="norms before φ (pre) or after (post)")] = None,
    loss: Annotated[
        str | None,
        Parameter(help="it was trained with: mse or cross_entropy; found from the logits"),
    ] = None,
    step: Annotated[int | None, Parameter(help="of a checkpoint that does not tell it")] = None,
    json_: Json = False,
) -> None:
    """Take in a checkpoint of other code, as a run folder for every other command."""
    from interp.exchange.importing import import_checkpoint
    from interp.exchange.reading import Known

    hints = {
        "activation": activation,
        "attention": attention,
        "n_heads": n_heads,
        "norm_at": norm_at,
    }
    model, choices = _settled(settle)
    found = import_checkpoint(
        file,
        out,
        as_,
        operation,
        _rule(rule, data, fraction, corruption, seed) or data,
        Known(
            p,
            {**model, **{k: v for k, v in hints.items() if v is not None}},
            loss,
            step,
            tuple(ignore or ()),
            choices,
        ),
    )
    if json_:
        print_json({"run": str(out), **found.to_dict()})
        return
    for word in ("recognized", "assumed", "dropped", "questioned"):
        for line in getattr(found, word):
            say(f"{word}: {line}")
    print_scores(found.run)
    say(f"\nrun folder: {out}    next: interp ipr {out}")


def _settled(told: list[str] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fields of ``model``, and other choices, from ``name=value``."""
    from interp.training.config.sections import ModelConfig
    from interp.training.untrusted import parse_yaml

    model: dict[str, Any] = {}
    choices: dict[str, Any] = {}
    for one in told or []:
        name, equals, value = one.partition("=")
        if not equals:
            raise ValueError(f"settle: expected name=value, got {one!r}")
        is_field = name in ModelConfig.model_fields
        # Two of the choices are numbers; the others are words, also where they look like numbers.
        read = parse_yaml(value) if is_field or name in ("equals_at", "mu") else value
        (model if is_field else choices)[name] = read
    return model, choices


def _rule(
    name: str | None, data: Path | None, fraction: float | None, corruption: float, seed: int | None
) -> Rule | None:
    from interp.exchange.rules import RULES, Rule

    if name is None:
        if fraction is not None or corruption or seed is not None:
            raise ValueError(f"rule: expected {', '.join(RULES)} with α, ξ or a seed, got none")
        return None
    if data is not None:
        raise ValueError("data: expected a file or a rule, got both")
    if fraction is None:
        raise ValueError("fraction: expected α of the rule, got none")
    return Rule(name, fraction, corruption, seed)


def publish(
    run: Annotated[Path, Parameter(help="run folder")],
    out: Annotated[Path, Parameter(help="new folder")],
    /,
    *,
    name: Annotated[str | None, Parameter(help="in the card; the run's by default")] = None,
    checkpoints: Annotated[str, Parameter(help="newest or all")] = "newest",
    push: Annotated[
        str | None, Parameter(help="user/repository on the Hugging Face hub to upload to")
    ] = None,
    json_: Json = False,
) -> None:
    """Write a run as a folder fit for a model hub: weights, card, dataset, figures, citation."""
    from interp.exchange.publishing import publish as write

    place = write(run, out, name, checkpoints, push)
    files = sorted(str(p.relative_to(place)) for p in place.rglob("*") if p.is_file())
    if json_:
        print_json({"folder": str(place), "files": files, "pushed": push})
        return
    for file in files:
        say(file)
    say(f"written: {place}" + (f", uploaded: {push}" if push else ""))


def export(
    run: Annotated[Path, Parameter(help="run folder")],
    out: Annotated[Path, Parameter(help=".safetensors, .pth, .pt or .npz")],
    /,
    *,
    step: Annotated[int | None, Parameter(help="which checkpoint; the newest by default")] = None,
    json_: Json = False,
) -> None:
    """Write a network as a plain state dict that other code reads."""
    from interp.exchange.layouts.layout import seen
    from interp.exchange.plain import SUFFIXES, write_state
    from interp.training.runs.files import check_place
    from interp.training.runs.run import load

    check_place("export", out, *SUFFIXES)
    state = write_state(load(run).network(step), out)
    if json_:
        shapes = {name: list(one.shape) for name, one in state.items()}
        print_json({"file": str(out), "tensors": shapes})
        return
    say(seen(state, len(state)))
    say(f"written: {out}")
