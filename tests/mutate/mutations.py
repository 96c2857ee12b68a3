"""Single-line mutations of source text: what a slip of the hand would do.

A mutation replaces a few bytes and keeps the number of lines. Not mutated: docstrings, imports,
annotations, ``__all__``, ``if TYPE_CHECKING``, f-strings and other text that is only shown, and
sizes, colours and the like of figures, which are a matter of taste.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS = {
    ast.Lt: ("<", ("<=", ">")),
    ast.LtE: ("<=", ("<", ">=")),
    ast.Gt: (">", (">=", "<")),
    ast.GtE: (">=", (">", "<=")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
}
ARITHMETIC = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.BitXor: ("^", "&"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
}
PAIRS = "mean/sum min/max any/all argmin/argmax floor/ceil upper/lower startswith/endswith"
PAIRS += " minimum/maximum amin/amax cos/sin lstrip/rstrip left/right first/last real/imag"
NAMES = {a: b for pair in PAIRS.split() for a, b in (pair.split("/"), pair.split("/")[::-1])}
# How a figure looks.
LOOKS = """
height width size opacity margin l r t b x y dash font tickfont color line marker pad xanchor
yanchor itemsizing tickangle automargin hovermode
"""
TASTE = set(LOOKS.split())
# Of no effect where the tests run, a guard that no caller reaches, or text of a help page.
IDLE = {"encoding", "stacklevel", "strict", "description", "help"}
DRAWING = ("figures/", "reporting/", "explorer/", "notebook.py")
SKIPPED = (ast.JoinedStr, ast.Import, ast.ImportFrom, ast.arg, ast.Global, ast.Nonlocal)


@dataclass(frozen=True)
class Mutation:
    """Bytes ``start:end`` of a file become ``new``; ``line`` is where a reader sees it."""

    line: int
    start: int
    end: int
    new: bytes
    label: str

    def applied(self, source: bytes) -> bytes:
        """The mutated source, of as many lines."""
        lost = source[self.start : self.end].count(b"\n") - self.new.count(b"\n")
        return source[: self.start] + self.new + b"\\\n" * lost + source[self.end :]

    def compiles(self, source: bytes) -> bool:
        """Whether Python reads the mutated source, and reads something else in it."""
        try:
            return ast.dump(ast.parse(self.applied(source))) != ast.dump(ast.parse(source))
        except SyntaxError:
            return False


def mutations(source: bytes, name: str = "") -> list[Mutation]:
    """Every mutation of a file; ``name`` says whether it draws. A few do not compile."""
    found = _Finder(source, any(part in name for part in DRAWING))
    found.visit(ast.parse(source))
    return sorted(set(found.list), key=lambda one: (one.start, one.label))


class _Finder(ast.NodeVisitor):
    def __init__(self, source: bytes, drawing: bool) -> None:
        self.source, self.drawing = source, drawing
        self.starts = [0, *(place.end() for place in re.finditer(rb"\n", source))]
        self.list: list[Mutation] = []
        self.in_function = False

    def span(self, node: ast.AST) -> tuple[int, int]:
        first = self.starts[node.lineno - 1] + node.col_offset
        return first, self.starts[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.AST) -> bytes:
        return self.source[slice(*self.span(node))]

    def add(self, node: ast.AST, new: str | bytes, label: str) -> None:
        self.put(*self.span(node), new, label)

    def put(self, start: int, end: int, new: str | bytes, label: str) -> None:
        line = self.source.count(b"\n", 0, start) + 1
        made = new.encode() if isinstance(new, str) else new
        self.list.append(Mutation(line, start, end, made, label))

    def between(self, left: ast.AST, right: ast.AST, old: str, new: str) -> None:
        """Swaps the operator that stands between two operands."""
        start, end = self.span(left)[1], self.span(right)[0]
        pattern = rb"\s+".join(re.escape(word.encode()) for word in old.split())
        edge = rb"\b" if old[0].isalpha() else b""
        place = re.search(edge + pattern + edge, self.source[start:end])
        if place:
            self.put(start + place.start(), start + place.end(), new, f"{old} → {new}")

    # What is left out -----------------------------------------------------------------------

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, SKIPPED):
            return
        method = getattr(self, f"visit_{type(node).__name__}", None)
        if method is None or method(node) is not False:
            self.generic_visit(node)

    def body(self, nodes: list[ast.stmt]) -> None:
        for node in nodes:
            text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if not text:
                self.visit(node)

    def visit_Module(self, node: ast.Module) -> bool:
        self.body(node.body)
        return False

    def visit_ClassDef(self, node: ast.ClassDef) -> bool:
        self.body(node.body)
        return False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> bool:
        outer, self.in_function = self.in_function, True
        for default in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self.visit(default)
        self.body(node.body)
        self.in_function = outer
        return False

    def visit_AnnAssign(self, node: ast.AnnAssign) -> bool:
        if node.value is not None:
            self.visit(node.value)
        return False

    def visit_Assign(self, node: ast.Assign) -> bool | None:
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if not names and self.in_function:
            self.add(node, "pass", "statement removed")
        return False if "__all__" in names else None

    # Statements -----------------------------------------------------------------------------

    def visit_Expr(self, node: ast.Expr) -> bool | None:
        if isinstance(node.value, ast.Constant):
            return False
        if isinstance(node.value, ast.Call) and self.in_function:
            self.add(node, "pass", "call removed")
        return None

    def removed(self, node: ast.stmt) -> None:
        self.add(node, "pass", "statement removed")

    visit_Delete = visit_Assert = removed

    def visit_Raise(self, node: ast.Raise) -> bool:
        self.add(node, "pass", "raise removed")
        return False  # the rest of it is a message

    def visit_Break(self, node: ast.Break) -> None:
        self.add(node, "continue", "break → continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        self.add(node, "break", "continue → break")

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None:
            self.add(node, "pass", "return removed")
        elif not _is_nothing(node.value):
            self.add(node.value, "None", "return None")

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.removed(node)
        old, new = ARITHMETIC.get(type(node.op), ("", ""))
        if old:
            self.between(node.target, node.value, f"{old}=", f"{new}=")

    def visit_If(self, node: ast.If) -> bool | None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return False
        self.negated(node.test)
        return None

    def visit_While(self, node: ast.While | ast.IfExp) -> None:
        self.negated(node.test)

    visit_IfExp = visit_While

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self.negated(test)

    def negated(self, test: ast.expr) -> None:
        # A comparison is negated by its operator, `not` by leaving it out.
        single = isinstance(test, ast.Compare) and type(test.ops[0]) not in (ast.Lt, ast.Gt)
        if not single and not isinstance(test, ast.UnaryOp):
            self.add(test, b"(not (" + self.text(test) + b"))", "condition negated")

    # Expressions ----------------------------------------------------------------------------

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            old, changed = COMPARISONS[type(operator)]
            for new in changed:
                self.between(left, right, old, new)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self.between(left, right, old, new)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if not isinstance(node.op, ast.UAdd):
            word = {ast.Not: "not", ast.USub: "-", ast.Invert: "~"}[type(node.op)]
            self.add(node, b"(" + self.text(node.operand) + b")", f"{word} removed")

    def visit_BinOp(self, node: ast.BinOp) -> None:
        old, new = ARITHMETIC.get(type(node.op), ("", ""))
        texts = any(_is_text(side) for side in (node.left, node.right))
        if old and not texts and (self.in_function or old not in "|&"):
            self.between(node.left, node.right, old, new)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self.add(node, str(not value), f"{value} → {not value}")
        elif isinstance(value, int):
            for new in (value + 1, value - 1):
                self.add(node, f"({new})" if new < 0 else str(new), f"{value} → {new}")
        elif isinstance(value, float) and value == value and abs(value) != float("inf"):
            for changed in {value + 1, 2 * value} - {value}:
                self.add(node, repr(changed), f"{value} → {changed}")

    def visit_Dict(self, node: ast.Dict) -> bool:
        for key, value in zip(node.keys, node.values, strict=True):
            if not (self.drawing and isinstance(key, ast.Constant) and key.value in TASTE):
                self.visit(value)
            if key is not None:
                self.visit(key)
        return False

    def visit_Call(self, node: ast.Call) -> bool:
        if len(node.args) > 1 and not any(isinstance(one, ast.Starred) for one in node.args[:2]):
            self.swapped(node.args[0], node.args[1])
        for keyword in node.keywords:
            skipped = keyword.arg in IDLE or (self.drawing and keyword.arg in TASTE)
            if keyword.arg and not skipped:
                self.without(node, keyword)
                self.visit(keyword.value)
        for part in (node.func, *node.args):
            self.visit(part)
        return False

    def swapped(self, first: ast.expr, second: ast.expr) -> None:
        (start, stop), (begin, end) = self.span(first), self.span(second)
        new = self.source[begin:end] + self.source[stop:begin] + self.source[start:stop]
        self.put(start, end, new, "arguments swapped")

    def without(self, call: ast.Call, keyword: ast.keyword) -> None:
        """A keyword argument left out, and the comma after it or before it."""
        start, end = self.span(keyword)
        behind = re.match(rb"\s*,[ ]?", self.source[end : self.span(call)[1]])
        before = re.search(rb",\s*$", self.source[self.span(call)[0] : start])
        if behind:
            end += behind.end()
        elif before:
            start = self.span(call)[0] + before.start()
        self.put(start, end, "", f"{keyword.arg}= left out")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in NAMES and node.end_col_offset is not None:
            end = self.span(node)[1]
            new = NAMES[node.attr]
            self.put(end - len(node.attr.encode()), end, new, f"{node.attr} → {new}")

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and node.id in ("min", "max", "any", "all"):
            self.add(node, NAMES[node.id], f"{node.id} → {NAMES[node.id]}")

    def visit_Slice(self, node: ast.Slice) -> None:
        for bound, change in ((node.lower, "+ 1"), (node.upper, "- 1")):
            if bound is not None and not isinstance(bound, ast.Constant):
                self.add(bound, b"(" + self.text(bound) + f") {change}".encode(), f"bound {change}")


def _is_nothing(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or node.value is False)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def sampled(files: dict[str, bytes]) -> Iterator[tuple[str, int, list[Mutation]]]:
    """Every line that has a mutation, with all of its mutations."""
    for name, source in sorted(files.items()):
        lines: dict[int, list[Mutation]] = {}
        for one in mutations(source, name):
            lines.setdefault(one.line, []).append(one)
        yield from ((name, line, lines[line]) for line in sorted(lines))
