"""What is loaded by work that needs little."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interp.analysis.neurons.read import neuron_table
from interp.training.models.arrays import MLPArrays
from interp.training.models.digest import weights_digest
from interp.training.models.kinds import initial_network
from interp.training.models.mlp import MLP
from interp.training.trainer.loop import train

from .conftest import tiny_config
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


# Reading a run


@pytest.fixture(scope="module")
def deep_run(tmp_path_factory):
    config = tiny_config(model={"width": 8, "depth": 3, "norm": "batch", "activation": "relu"})
    return train(config, tmp_path_factory.mktemp("runs") / "deep")


READING = [
    *("ipr {}", "ipr {} --json --layer 1"),
    *("spectrum {}", "spectrum {} --json", "spectrum {} --neuron 3 --layer 1"),
    *("measure neurons {}", "measure classes {} --json", "measure embeddings {}"),
    *("measure weights {}", "measure phase {}"),
]


@pytest.mark.parametrize("command", READING)
def test_who_reads_an_mlp_waits_for_no_torch(command, deep_run):
    tokens = command.format(deep_run.path).split()
    loaded = run_python(f"from interp.cli.app import main\nmain({tokens!r})" + LOADED).split()
    assert "interp.training.runs.run" in loaded
    assert not {"torch", "transformer_lens", "plotly", "pandas", "numba"} & set(loaded)


def test_a_network_is_made_of_stored_weights_once():
    run = train(tiny_config())
    checkpoint = run.checkpoint()
    assert isinstance(checkpoint.readable, MLPArrays)
    table = neuron_table(checkpoint)
    assert isinstance(checkpoint.readable, MLPArrays)
    assert checkpoint.network is checkpoint.network is checkpoint.readable
    assert isinstance(checkpoint.network, MLP)
    of_network = neuron_table(checkpoint)
    np.testing.assert_array_equal(table.curves, of_network.curves)
    assert table.key == of_network.key


MODELS = [
    {"width": 4},
    {"width": 4, "bias": True, "output_scale": 2.0},
    {"width": 4, "norm": "batch", "norm_last": True, "bias": True},
    {"width": 4, "depth": 4, "norm": "batch", "activation": "relu"},
    {"width": 4, "depth": 3, "norm": "layer", "norm_last": True, "activation": "relu"},
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("model", MODELS)
def test_arrays_are_those_of_the_network(model, dtype):
    config = tiny_config(model=model, dtype=dtype)
    network = initial_network(config, config.make_task())
    random = np.random.default_rng(3)
    with torch.no_grad():
        for weight in network.state_dict().values():
            weight.copy_(torch.as_tensor(random.uniform(0.5, 2, tuple(weight.shape))))
    arrays = MLPArrays.of(network)
    shapes = {name: tuple(one.shape) for name, one in network.state_dict().items()}
    found = MLPArrays.shapes(network.task, network.model)
    assert list(found.items()) == list(shapes.items())
    assert weights_digest(arrays) == weights_digest(network)
    for mine, theirs in zip(arrays.layers, network.double().layers, strict=True):
        np.testing.assert_array_equal(mine.matrix, theirs.W_in.detach())
        assert (mine.width, mine.index, mine.activation) == (4, theirs.index, theirs.activation)
        assert (mine.norm is None) == (theirs.norm is None)
        if mine.norm is not None:
            np.testing.assert_array_equal(mine.norm.w, theirs.norm.w.detach())
    np.testing.assert_array_equal(arrays.read_out, network.read_out.detach())
    if model.get("norm") == "batch":  # its gain; rows of any other norm are tested as curves
        rows = random.normal(size=(3, 4))
        gain = network.layers[0].norm.scale().detach().numpy()
        np.testing.assert_allclose(arrays.layers[0].norm.through(rows), rows * gain, rtol=1e-14)
