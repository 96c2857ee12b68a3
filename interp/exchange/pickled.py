"""Pickles of other code as tensors and plain values; nothing in them is ever run."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from interp.training.untrusted import MOST_BYTES, MOST_UNPACKED, open_regular

_WHOLE_MODULE = (b"_parameters", b"_modules", b"_buffers")  # attributes of every torch module
_PLAIN_TYPE = re.compile(r"[biufcSU]\d{1,4}")


class ConfigValues:
    """What a pickled configuration held, as attributes."""


class _Type:
    """Stands for a pickled numpy type: numbers, truth values and text, but no Python objects."""

    def __init__(self, code: object = "", align: object = False, copy: object = False) -> None:
        if not isinstance(code, str) or not _PLAIN_TYPE.fullmatch(code):
            raise pickle.UnpicklingError(f"numpy type {code!r} is not one of numbers or text")
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1] if state[1] in ("<", ">") else "="

    def values(self, raw: object) -> np.ndarray:
        """Bytes as an array of this type."""
        if not isinstance(raw, bytes):
            raise pickle.UnpicklingError(f"numpy values in {type(raw).__name__}")
        return np.frombuffer(raw, np.dtype(self.order + self.code))


class _Array:
    """Stands for a pickled numpy array until its values come."""

    values: np.ndarray

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_columns, raw = state
        order: Any = "F" if by_columns else "C"
        self.values = kind.values(raw).reshape(shape, order=order).copy()


def _array(*args: object) -> _Array:
    del args  # the class, an empty shape and a type that says nothing
    return _Array()


def _scalar(kind: _Type, raw: object = b"") -> Any:
    (value,) = kind.values(raw).tolist()
    return value


def _allowed() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """What may be named in a pickle beyond torch's own, and what stands for it here."""
    found: list[Any] = [(_Type, "numpy.dtype"), (_Array, "numpy.ndarray")]
    for home in ("numpy._core.multiarray", "numpy.core.multiarray"):
        found += [(_scalar, f"{home}.scalar"), (_array, f"{home}._reconstruct")]
    for name in ("float16", "float32", "float64", "int32", "int64"):
        found.append((getattr(np, name), f"numpy.{name}"))
    return [*found, *((ConfigValues, name) for name in ("argparse.Namespace", *_config_classes()))]


def _config_classes() -> list[str]:
    """Where TransformerLens has had its configurations, from its first version to the fourth."""
    modules = {
        "HookedTransformerConfig": "hooked_transformer_config",
        "TransformerBridgeConfig": "transformer_bridge_config",
        "TransformerLensConfig": "transformer_lens_config",
    }
    names = ["easy_transformer.EasyTransformerConfig.EasyTransformerConfig"]
    names += [f"easy_transformer.{name}.{name}" for name in modules]
    for (name, file), home in product(modules.items(), ("", "config.")):
        names += [f"transformer_lens.{home}{module}.{name}" for module in (name, file)]
    return names


def unpickled(path: Path) -> Any:
    """Tensors and plain values of a file that ``torch.save`` wrote.

    numpy's numbers come as Python's, configurations of TransformerLens as ConfigValues.

    Raises:
        ValueError: if anything in it would run, it holds a whole module, or it is damaged.
    """
    try:
        with torch.serialization.safe_globals(_allowed()), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of other versions of the format
            return _plain(torch.load(path, map_location="cpu", weights_only=True))
    except pickle.UnpicklingError as error:
        raise ValueError(f"{path}: {_refused(path, error)}") from None
    except Exception as error:  # a damaged pickle may bring about any
        raise ValueError(f"{path}: cannot be read as a checkpoint ({first_line(error)})") from None


def _plain(value: Any) -> Any:
    """The same with numpy arrays in the place of what stood for them."""
    if isinstance(value, _Array):
        return value.values
    if isinstance(value, torch.Tensor):
        return _dense(value)
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(_plain(one) for one in value)
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, ConfigValues):
        vars(value).update({name: _plain(one) for name, one in vars(value).items()})
    return value


def _dense(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor itself, if its values are in the file.

    Raises:
        ValueError: if it is sparse, quantized or nested, lies nowhere, or shows few values often.
    """
    strided = tensor.layout == torch.strided and not tensor.is_quantized and not tensor.is_nested
    if not strided or tensor.device.type != "cpu":
        raise ValueError("expected dense tensors of numbers, got one that is not")
    size = tensor.numel() * tensor.element_size()
    if size > max(MOST_UNPACKED, tensor.untyped_storage().nbytes()):
        raise ValueError(f"expected tensors whose values are in the file, got one of {size} bytes")
    return tensor


def _refused(path: Path, error: Exception) -> str:
    with open_regular(path) as file:
        content = file.read(MOST_BYTES)
    if all(word in content for word in _WHOLE_MODULE):
        return (
            "expected tensors by name, got a whole pickled module, which is code; refused. "
            "Where its class is at hand, save its state_dict()"
        )
    return (
        "expected tensors and plain values, got a pickle with code in it or a damaged one; "
        f"refused ({first_line(error)})"
    )


def first_line(error: Exception) -> str:
    """What an error of torch or numpy says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    words = ("GLOBAL", "Unsupported", "numpy ")
    told = next((line for line in lines if any(word in line for word in words)), None)
    return (told or (lines[0] if lines else type(error).__name__))[:160]
