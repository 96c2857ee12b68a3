"""What is wrong with a configuration, in one line."""

from __future__ import annotations

import difflib
import re

from pydantic import BaseModel, ValidationError

from interp.training.arguments import shown
from interp.training.config.fields import fields_of


def first_problem(config: type[BaseModel], error: ValidationError) -> str:
    """The first problem of a configuration: its dotted path, what was expected and what came."""
    problem = error.errors()[0]
    path = ".".join(str(part) for part in problem["loc"])
    got, context = problem["input"], problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden" | "invalid_key":
            return unknown_key(config, path)
        case "value_error":
            reason = str(context["error"])
            # Validators of a whole section name the dotted path themselves.
            named = not path or re.match(rf"{re.escape(path)}\.\w+: ", reason)
            return reason if named else f"{path}: {reason}"
        case "missing" | "too_long" if path.startswith("optimizer.betas"):
            return f"optimizer.betas: expected two numbers ≥ 0 and < 1, got {shown(got)}"
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            return f"{path}: expected a number {_bounds(config, path)}, got {shown(got)}"
        case "literal_error":
            return f"{path}: expected {context['expected']}, got {shown(got)}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{path}: expected a mapping of fields, got {shown(got)}"
        case kind:
            expected = {
                "int_parsing": "a whole number",
                "int_type": "a whole number",
                "int_from_float": "a whole number",
                "float_parsing": "a number",
                "float_type": "a number",
                "string_type": "text",
                "bool_type": "true or false",
                "bool_parsing": "true or false",
                "tuple_type": "a list",
                "finite_number": "a finite number",
            }.get(kind, problem["msg"])
            return f"{path}: expected {expected}, got {shown(got)}"


def _bounds(config: type[BaseModel], path: str) -> str:
    section, _, key = path.rpartition(".")
    owner = config.model_fields[section].annotation if section else config
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    assert isinstance(owner, type) and issubclass(owner, BaseModel)
    return " and ".join(
        f"{sign} {getattr(bound, name):g}"
        for bound in owner.model_fields[key].metadata
        for name, sign in signs.items()
        if hasattr(bound, name)
    )


def unknown_key(config: type[BaseModel], path: str) -> str:
    """What to say of a dotted path that names no option: the nearest one that does."""
    known = list(dict.fromkeys([*(name for name, _, _ in fields_of(config)), *config.model_fields]))
    # A right name in a wrong section is nearer than any misspelling.
    last = path.rpartition(".")[2]
    near = [name for name in known if name.rpartition(".")[2] == last]
    near = near or difflib.get_close_matches(path, known, n=1, cutoff=0.3)
    hint = f"; nearest is {near[0]}" if near else f"; expected one of {', '.join(known)}"
    return f"{path}: unknown configuration key{hint}"
