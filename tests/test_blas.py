"""Numpy has one thread beside torch's, and gets its own back."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from interp.analysis.fourier.spectrum import one_sided_dft
from interp.analysis.measure import Measure
from interp.analysis.numbers import Numbers
from interp.training import blas

TOLD = """
import sys
from interp.cli.app import main
main(["doctor", "--json"])
from threadpoolctl import threadpool_info
import numpy
print([one["num_threads"] for one in threadpool_info() if one["internal_api"] == "openblas"])
"""


@pytest.fixture
def free(monkeypatch):
    """A process whose user chose no number of threads."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(2, user_api="blas"):
        yield


def threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["internal_api"] == "openblas"}


def test_numpy_has_one_thread_inside_and_its_own_afterwards(free):
    assert threads() == {2}
    with blas.one_thread():
        assert threads() == {1}
        with blas.one_thread():
            assert threads() == {1}
        assert threads() == {1}
    assert threads() == {2}


def test_a_long_product_has_as_many_as_it_asks_for(free):
    with blas.one_thread():
        with blas.threads(2):
            assert threads() == {2}
        assert threads() == {1}


def test_a_number_that_the_user_chose_stays(free, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with blas.one_thread():
        assert threads() == {2}


def test_a_measure_computes_with_one(free):
    seen = []

    def compute(subject: object) -> dict[str, float]:
        """Notes the threads."""
        seen.append(threads())
        return {"value": 1.0}

    found = Measure(name="noted", reads="checkpoint", source="", compute=compute).of(
        np.zeros(1), {}
    )
    assert isinstance(found, Numbers)
    assert seen == [{1}]
    assert threads() == {2}


def test_a_spectrum_gives_the_threads_back(free):
    curves = np.random.default_rng(0).normal(size=(3, 11))
    np.testing.assert_allclose(one_sided_dft(curves), np.fft.rfft(curves), atol=1e-12)
    assert threads() == {2}


@pytest.mark.parametrize(("chosen", "expected"), [(None, "[1]"), ("2", "[2]")])
def test_commands_start_with_one_unless_the_user_chose(chosen, expected):
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    environment |= {} if chosen is None else {"OPENBLAS_NUM_THREADS": chosen}
    environment.pop("OMP_NUM_THREADS", None)
    done = subprocess.run(
        [sys.executable, "-c", TOLD], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout.splitlines()[-1] == expected, done.stderr
