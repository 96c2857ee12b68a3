"""What is loaded by work that needs little."""

from __future__ import annotations

import pytest

from .test_structure import run_python

LOADED = "\nimport sys\nprint(*sorted(sys.modules))"


def test_a_worker_loads_no_transformers():
    """They take longer to load than torch, and only the two classes of hooks are used."""
    loaded = run_python("import interp.training.sweep.executors.processes" + LOADED).split()
    assert "transformer_lens.hook_points" in loaded
    assert "interp.training.trainer.loop" in loaded
    assert not {"transformer_lens", "transformers", "datasets", "pandas"} & set(loaded)


def test_a_worker_trains_without_the_compiler_of_torch(tmp_path):
    code = f"""
import interp
from interp.analysis.sweeps.row import measure
from interp.training.trainer.loop import train
config = dict(task={{"p": 5}}, model={{"width": 4}}, steps=2, data={{"corruption": 0.2}})
assert measure(train(interp.RunConfig(**config), {str(tmp_path / "run")!r}))["step"] == 2
"""
    loaded = run_python(code + LOADED).split()
    assert "interp.training.trainer.fused" in loaded
    slow = {"torch._dynamo", "torch._inductor", "sympy", "pandas", "plotly", "scipy", "numba"}
    assert not slow & set(loaded)


AHEAD = "from interp.training.models.hooks import HookedRootModule, HookPoint, load_ahead\n"
SAME = """
import transformer_lens
from transformer_lens.hook_points import HookPoint as theirs
from transformer_lens.utilities import get_act_name
assert transformer_lens.hook_points.HookPoint is theirs is HookPoint
assert transformer_lens.HookedRootModule is HookedRootModule
assert transformer_lens.utilities.get_act_name is get_act_name
assert transformer_lens.utilities.Slice is not None and transformer_lens.FactoredMatrix is not None
assert not load_ahead()
print("whole")
"""


def test_the_package_is_whole_for_who_imports_it_afterwards():
    assert run_python(AHEAD + SAME).strip() == "whole"


@pytest.mark.parametrize("file", ["hook_points", "utilities.slice"])
def test_a_release_whose_files_lie_elsewhere_is_loaded_whole(file):
    moved = f"""
from importlib.machinery import PathFinder
find = PathFinder.find_spec
def once(name, path=None, target=None):
    if name == "transformer_lens.{file}":
        PathFinder.find_spec = find
        return None
    return find(name, path, target)
PathFinder.find_spec = once
"""
    whole = 'import sys\nassert "transformer_lens" in sys.modules\n'
    assert run_python(moved + AHEAD + whole + SAME).strip() == "whole"
