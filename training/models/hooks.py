"""TransformerLens' hook points and the root of networks with them, without the rest of it.

``import transformer_lens`` loads transformers, datasets and pandas, which takes longer than torch.
The two classes that networks are made of need none of it. Their files are loaded here ahead of the
package, under their own names: who imports ``transformer_lens`` afterwards, gets all of it, with
these very classes in it.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType

_PACKAGE = "transformer_lens"
_UTILITIES = f"{_PACKAGE}.utilities"
# What the two files stand on, in the order in which they need each other.
_BELOW = ("tensors", "slice", "devices")
_FIRST = "conversion_utils.conversion_steps.base_tensor_conversion"
_CLASSES = ("hook_points", "HookedRootModule")


def load_ahead() -> bool:
    """Loads the files of the two classes; whether that could be done.

    It cannot with a release of transformer-lens whose files lie or import otherwise. Then nothing
    is left behind, and the classes come with the whole package.
    """
    if _PACKAGE in sys.modules:
        return False
    before = set(sys.modules)
    stand_in = ModuleType(_UTILITIES)
    try:
        _load(_FIRST)
        for name in _BELOW:
            vars(stand_in).update(vars(_load(f"utilities.{name}")))
        sys.modules[_UTILITIES] = stand_in
        for name in _CLASSES:
            _load(name)
    except Exception:
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == _PACKAGE:
                del sys.modules[name]
        return False
    finally:
        # The stand-in has a few of its names only.
        if sys.modules.get(_UTILITIES) is stand_in:
            del sys.modules[_UTILITIES]
    return True


def _load(name: str) -> ModuleType:
    """A file of the package, by its dotted name within it; the packages around it are not run."""
    package = find_spec(_PACKAGE)
    *folders, _ = name.split(".")
    roots = (package and package.submodule_search_locations) or ()
    spec = PathFinder.find_spec(f"{_PACKAGE}.{name}", ["/".join([one, *folders]) for one in roots])
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"{_PACKAGE}.{name}")
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


load_ahead()

from transformer_lens.hook_points import HookPoint as HookPoint  # noqa: E402
from transformer_lens.HookedRootModule import HookedRootModule as HookedRootModule  # noqa: E402
