"""Where and how cells are run: one value, checked when it is made."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import jaxtyping
import pytest
import torch

from interp.training.sweep.executors.cohorts import Cohorts
from interp.training.sweep.executors.executors import Executor
from interp.training.sweep.executors.machine import (
    EXECUTORS,
    ExecutorKind,
    Machine,
    as_machine,
    cores,
)
from interp.training.sweep.executors.processes import Processes
from interp.training.sweep.executors.serial import Serial


@pytest.fixture()
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which torch finds a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


@pytest.fixture()
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_auto_is_processes_without_a_gpu(no_gpu):
    assert Machine(threads=3).chosen == Machine("processes", None, 3, "cpu")
    assert Machine(workers=4).chosen == Machine("processes", 4, device="cpu")
    assert isinstance(Machine(workers=4).make_executor(), Processes)
    assert Machine("cohorts").chosen == Machine("cohorts", device="cpu")
    with pytest.raises(ValueError, match="device: cuda was asked for, but torch finds no CUDA"):
        Machine(device="cuda").chosen  # noqa: B018


def test_auto_is_cohorts_on_a_gpu(gpu):
    assert Machine().chosen == Machine("cohorts", device="cuda")
    assert Machine(workers=4).chosen == Machine("cohorts", device="cuda")
    assert isinstance(Machine().make_executor(), Cohorts)
    assert Machine(device="cpu").chosen == Machine("processes", device="cpu")
    assert Machine("serial").chosen == Machine("serial", device="cuda")
    assert isinstance(Machine("serial").make_executor(), Serial)


def test_cells_at_once(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    assert cores() == 3
    assert [Machine(name).at_once for name in ("auto", "processes", "ray")] == [3, 3, 3]
    assert [Machine(name).at_once for name in ("serial", "cohorts")] == [1, 1]
    assert Machine(workers=7).at_once == Machine("ray", 7).at_once == 7


def test_which_executors_have_other_processes(no_gpu):
    apart = {name: Machine(name).is_apart for name in ("auto", *EXECUTORS)}
    assert apart == {
        "auto": True,
        "serial": False,
        "processes": True,
        "cohorts": False,
        "ray": True,
    }


def test_what_means_a_machine():
    machine = Machine("ray", 4, address="here:6379")
    assert as_machine(machine) is machine
    assert as_machine("serial") == Machine("serial")
    assert as_machine({"executor": "ray", "workers": 4, "address": "here:6379"}) == machine
    assert as_machine({}) == Machine()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("seriall", "executor: expected auto or serial or processes or cohorts or ray, got 'seri"),
        ("seriall", "'seriall'; nearest is serial"),
        ({"executor": ["ray"]}, "cohorts or ray, got ['ray']"),
        (
            {"wrokers": 2},
            "machine: expected executor or workers or threads or device or address, "
            "got 'wrokers'; nearest is workers",
        ),
        (3, "machine: expected an executor's name or a Machine, got 3"),
        (None, "machine: expected an executor's name or a Machine, got None"),
        ({"workers": "two"}, "workers: expected a whole number of at least 1, got 'two'"),
        ({"workers": 0}, "workers: expected a whole number of at least 1, got 0"),
        ({"threads": None}, "threads: expected a whole number of at least 1, got None"),
        ({"threads": -1}, "threads: expected a whole number of at least 1, got -1"),
        ({"device": "tpu"}, "device: expected auto, cpu or cuda, got 'tpu'"),
        ({"executor": "serial", "workers": 2}, "workers: expected with an executor of several pr"),
        ({"address": "here:1"}, "got 'here:1' with auto"),
    ],
)
def test_what_means_none(monkeypatch, given, message):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as for users
    with pytest.raises(ValueError, match=re.escape(message)):
        as_machine(given)


def test_one_worker_is_what_serial_has():
    assert Machine("serial", 1).at_once == Machine("cohorts", 1).at_once == 1


def test_another_executor_is_a_row():
    made = Serial()
    EXECUTORS.add("mine", ExecutorKind(lambda machine: made), "this test")
    try:
        assert Machine("mine", device="cpu").make_executor() is made
        assert isinstance(made, Executor)
        with pytest.raises(ValueError, match="cohorts or ray or mine, got 'yours'"):
            Machine("yours")
    finally:
        EXECUTORS.remove("mine")


def test_no_ray_is_loaded_before_it_runs_cells():
    code = (
        "from interp.training.sweep.executors.machine import Machine\n"
        "Machine('ray', 2).chosen\nimport sys\nprint('ray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
