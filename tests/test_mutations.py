"""What `make mutate` changes in a line, and what it leaves alone."""

from __future__ import annotations

import pytest

from tests.mutate.covering import _around
from tests.mutate.mutations import mutations


def mutants(line: str) -> set[str]:
    """Every mutant of a function's only line that Python reads."""
    source = f"def f(x, y):\n    {line}\n".encode()
    found = [one.applied(source) for one in mutations(source) if one.compiles(source)]
    return {text.decode().splitlines()[1].strip() for text in found}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("return x < y", {"return x <= y", "return x > y", "return None"}),
        ("return x  is not  y", {"return x  is  y", "return None"}),
        ("x = y and f(x) or 2", {"or f(x) or 2", "and f(x) and 2", "or 3", "or 1"}),
        ("x += 0", {"x -= 0", "x += 1", "x += (-1)", "pass"}),
        ("return g(x, y)", {"return g(y, x)", "return None"}),
        ("g(x, deep=True)", {"pass", "g(x)", "g(x, deep=False)"}),
        ("if not x: return", {"if (x): return", "if not x: pass"}),
        ("x = y[1:x]", {"x = y[2:x]", "x = y[0:x]", "x = y[1:(x) - 1]"}),
        ("x = y.mean()", {"x = y.sum()"}),
        ("raise ValueError(1 + 1)", {"pass"}),
        ("x.part = y", {"pass"}),
    ],
)
def test_a_line_is_changed(line, expected):
    found = mutants(line)
    assert len(found) == len(expected)
    assert all(any(text.endswith(end) for text in found) for end in expected)


@pytest.mark.parametrize(
    "line",
    ['"""1 + 1"""', "import a, b", 'x = f"{x + 1} of {y}"', "x: A[1, 2]", "x = 'words'"],
)
def test_what_is_only_read_is_left_alone(line):
    assert mutants(line) == set()


def test_lines_stay_where_they_are():
    source = b"def f(x):\n    g(\n        x,\n        1,\n    )\n    return x\n"
    for one in mutations(source):
        changed = one.applied(source)
        assert changed.count(b"\n") == 6
        assert b"return x" in changed.splitlines()[5] or one.label == "return None"


def test_a_default_belongs_to_the_head_of_its_function():
    import ast

    source = "class A:\n    x: int = 1\n    def f(\n        y=2,\n    ):\n        return y\n"
    tree = ast.parse(source)
    assert [type(one).__name__ for one in _around(tree.body, 2)] == ["ClassDef", "AnnAssign"]
    assert [type(one).__name__ for one in _around(tree.body, 4)] == ["ClassDef", "_Header"]
    around = [type(one).__name__ for one in _around(tree.body, 6)]
    assert around == ["ClassDef", "FunctionDef", "Return"]
