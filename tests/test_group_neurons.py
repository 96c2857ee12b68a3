"""IPR, null and spectra of neurons in finite groups, against an independent prototype."""

from __future__ import annotations

import numpy as np
import pytest

from interp.analysis.fourier.conventions import convention_in
from interp.analysis.fourier.ipr import ipr
from interp.analysis.neurons.embedding import embedding_table
from interp.analysis.neurons.table import NeuronTable
from interp.training.models.analytic import analytic_network
from interp.training.tasks.finite.irreps import irreps
from interp.training.tasks.finite.names import named_group
from interp.training.tasks.groups import GROUPS
from interp.training.tasks.task import make_task

# Mean and 99 % quantile of the IPR of noise, mean over three curves.
NULL = {
    "S3": (0.625, 0.877),
    "S4": (0.365, 0.474),
    "A5": (0.313, 0.383),
    "S5": (0.225, 0.256),
    "D10": (0.246, 0.344),
    "Q8": (0.450, 0.681),
    "Z2^5": (0.088, 0.128),
    "Z8×Z12": (0.0404, 0.0495),
    "Z97": (0.0403, 0.049),
}


def table_of(name: str, curves: np.ndarray, operation: str = "x * y") -> NeuronTable:
    task = make_task(operation, group=name)
    return NeuronTable(task, curves, task.group, "irrep")


@pytest.mark.parametrize("name", NULL)
def test_null_values(name):
    n = len(named_group(name))
    null = table_of(name, np.zeros((3, 1, n))).null
    mean, q99 = NULL[name]
    assert null.mean == pytest.approx(mean, abs=0.001)
    # Small groups have wide distributions: 20,000 draws tell their quantile to a percent.
    assert null.quantile(0.99) == pytest.approx(q99, abs=max(0.002, 0.01 * q99))
    sizes = irreps(named_group(name)).basis.sizes
    assert null.mean == pytest.approx((sizes * (sizes + 2)).sum() / (n * (n + 2)))


@pytest.mark.parametrize("name", ["S4", "Q8", "D10"])
def test_ipr_of_noise_and_of_pure_curves(name):
    group = named_group(name)
    found, random = irreps(group), np.random.default_rng(0)
    noise = random.normal(size=(3, 4000, len(group)))
    table = table_of(name, noise)
    assert table.ipr.mean() == pytest.approx(table.null.mean, abs=4 * table.ipr.std() / 4000**0.5)
    # Shares by characters, P_ρ x = (d/n) Σ_y χ(x y⁻¹) x_y: no eigenvectors.
    quotient = group.table[:, group.inverse]
    share = []
    for d, character in zip(found.dimension, found.character, strict=True):
        part = noise[:, :5] @ (d / len(group) * character[quotient])
        share.append((part**2).sum(axis=-1) / (noise[:, :5] ** 2).sum(axis=-1))
    np.testing.assert_allclose(np.moveaxis(table.curve_shares[:, :5], -1, 0), share, atol=1e-10)
    np.testing.assert_allclose(table.curve_ipr[:, :5], (np.array(share) ** 2).sum(axis=0))
    moved = noise[..., group.table[3]]
    np.testing.assert_allclose(table_of(name, moved).curve_ipr, table.curve_ipr)
    for block, part in enumerate(found.character):
        assert ipr(part, 2, "irrep", found.basis) == pytest.approx(1)
        assert (
            table_of(name, np.tile(part, (3, 1, 1))).frequency.tolist() == [max(block, 0)]
            or block == 0
        )


@pytest.mark.parametrize("convention", ["one-sided", "one-sided-no-constant", "two-sided", "irrep"])
@pytest.mark.parametrize("n", [11, 12, 97])
def test_residues_keep_their_conventions(n, convention):
    curves = np.random.default_rng(1).normal(size=(20, n))
    basis = irreps(named_group(f"Z{n}")).basis
    np.testing.assert_allclose(
        ipr(curves, 2, convention, basis), ipr(curves, 2, convention), rtol=1e-12
    )


def test_the_convention_is_that_of_the_group():
    assert convention_in("cyclic") == convention_in("Z12") == "one-sided"
    assert convention_in("S4") == "irrep"
    assert convention_in("S4", "two-sided") == "two-sided"
    with pytest.raises(ValueError, match="IPR convention: expected"):
        convention_in("S4", "three-sided")


def test_thresholds_of_groups_are_their_own():
    nulls = [
        table_of(name, np.zeros((3, 1, len(named_group(name))))).null for name in ("S4", "D12")
    ]
    assert nulls[0].quantile(0.999) != nulls[1].quantile(0.999)


@pytest.mark.parametrize(
    ("operation", "apart"),
    [("x * y", False), ("x / y", False), ("x * y * x^-1", True), ("x * y * x", True)],
)
def test_curves_of_other_words_are_told_apart(operation, apart):
    curves = np.random.default_rng(2).normal(size=(3, 6, 24))
    table = table_of("S4", curves, operation)
    by_curve = table.curve_ipr.mean(axis=1)
    if not apart:
        assert "other irreps" not in table.note
        assert "mean_ipr_u" not in table.values()
        return
    told = ", ".join(f"{name} {value:.3f}" for name, value in zip("UVW", by_curve, strict=True))
    assert f"mean of three curves that may lie in other irreps; apart: {told}" in table.note
    values = table.values()
    assert [values[f"mean_ipr_{name}"] for name in "uvw"] == pytest.approx(by_curve.tolist())


def test_columns_are_irreps_without_phases():
    curves = np.random.default_rng(3).normal(size=(3, 6, 24))
    columns = table_of("D12", curves).to_arrow().column_names
    assert {"irrep", "irrep_u", "irrep_v", "irrep_w"} <= set(columns)
    assert not {"frequency", "phase_u", "phase_error"} & set(columns)
    assert "frequency" in table_of("Z24", curves).to_arrow().column_names


def test_embeddings_by_irrep():
    task = make_task("x * y", group="S4")
    table = embedding_table(analytic_network(task, 40))
    assert table.block_names == irreps(named_group("S4")).names
    basis = GROUPS["S4"].basis(24)
    for name, rows in table.curves.items():
        power = [((rows @ basis.matrix[:, basis.block == k]) ** 2).sum() for k in range(5)]
        np.testing.assert_allclose(table.shares[name], power / np.sum(power), atol=1e-12)
    assert table.to_pandas().index.name == "irrep"
