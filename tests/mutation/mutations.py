"""The mutations of a module's source: each changes one expression or statement."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff

SWAPPED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: (r"<", "<="),
    ast.LtE: (r"<=", "<"),
    ast.Gt: (r">", ">="),
    ast.GtE: (r">=", ">"),
    ast.Eq: (r"==", "!="),
    ast.NotEq: (r"!=", "=="),
    ast.In: (r"\bin\b", "not in"),
    ast.NotIn: (r"\bnot\s+in\b", "in"),
    ast.Is: (r"\bis\b", "is not"),
    ast.IsNot: (r"\bis\s+not\b", "is"),
}
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: (r"\+", "-"),
    ast.Sub: (r"-", "+"),
    ast.Mult: (r"\*", "//"),
    ast.FloorDiv: (r"//", "*"),
    ast.BitAnd: (r"&", "|"),
    ast.BitOr: (r"\|", "&"),
}
LOGGERS = re.compile(r"^(_?log|_?logger|logging|warnings)$")
TYPES = ("str", "int", "float", "bool", "bytes", "list", "dict", "set", "tuple", "frozenset", "type", "object")
TYPING = ("TypeVar", "NewType", "cast", "ParamSpec", "overload")


@dataclass(frozen=True)
class Mutation:
    """A change of one place: the bytes from `start` to `end` of a module's source become `text`."""

    kind: str
    line: int
    start: int
    end: int
    text: str

    def applied(self, source: bytes) -> bytes:
        return source[: self.start] + self.text.encode() + source[self.end :]

    def diff(self, source: bytes, path: str = "") -> str:
        """The change as a unified diff without context."""
        old, new = (text.decode().splitlines(keepends=True) for text in (source, self.applied(source)))
        return "".join(unified_diff(old, new, path, path, n=0))


def mutations(source: bytes) -> list[Mutation]:
    """All mutations of a module, in the order of its lines.

    Text, annotations, logging, assertions and code for type checkers stay as they are.
    """
    collector = Collector(source)
    collector.visit(ast.parse(source))
    return sorted(collector.found, key=lambda each: (each.start, each.end, each.text))


class Collector(ast.NodeVisitor):
    """Collects the mutations of a module while visiting its syntax tree."""

    def __init__(self, source: bytes) -> None:
        self.found: list[Mutation] = []
        self._source = source
        self._lines = [0, *(found.end() for found in re.finditer(rb"\n", source))]

    # ------------------------------------------------------------- what is skipped

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """An argument has nothing but its annotation."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """Assertions are for type checkers."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Before Python 3.12, the parts of an f-string have no positions."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_function(node)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = [name_of(each) for each in node.decorator_list]
        if any(name in TYPING for name in decorators):
            return
        self.visit(node.args)
        for statement in node.body:
            if node.name == "__init__" and isinstance(statement, ast.Assign):
                # A missing initial value fails at once in any test; its expression is mutated.
                self.visit(statement.value)
            else:
                self.visit(statement)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._visit_all(node.body)

    def visit_If(self, node: ast.If) -> None:
        if name_of(node.test) == "TYPE_CHECKING":
            self._visit_all(node.orelse)
            return
        self._negate(node.test)
        self.generic_visit(node)

    def _visit_all(self, nodes: Sequence[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    # ---------------------------------------------------------------- expressions

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
            self._replace_between("comparison swapped", left, right, *SWAPPED[type(operator)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = (r"\band\b", "or") if isinstance(node.op, ast.And) else (r"\bor\b", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._replace_between("and/or swapped", left, right, old, new)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        operands = (node.left, node.right)
        if type(node.op) in ARITHMETIC and not any(is_text(each) or is_type(each) for each in operands):
            self._replace_between("arithmetic swapped", node.left, node.right, *ARITHMETIC[type(node.op)])
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._replace("`not` removed", node, f"({self._text(node.operand)})")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        if not isinstance(node.test, ast.Constant):
            self._negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for condition in node.ifs:
            self._negate(condition)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._replace("boolean negated", node, str(not value))
        elif isinstance(value, int):
            self._replace("constant + 1", node, f"({value + 1})")
            self._replace("constant - 1", node, f"({value - 1})")
        elif isinstance(value, float):
            self._replace("constant + 1", node, f"({value + 1})")

    def visit_Call(self, node: ast.Call) -> None:
        name = name_of(node.func)
        if name in TYPING or is_logging(node):
            return
        for keyword in node.keywords:
            if keyword.arg is not None and not (name == "zip" and is_false(keyword.value)):  # zip is not strict anyway
                end = self._offset(keyword.end_lineno, keyword.end_col_offset)
                comma = re.match(rb"\s*,\s*", self._source[end:])
                self._add("argument removed", keyword, end=end + (comma.end() if comma else 0), text="")
        self.generic_visit(node)

    # ----------------------------------------------------------------- statements

    def visit_Expr(self, node: ast.Expr) -> None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Call) and not is_logging(value):
            self._replace("call removed", node, "pass")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._replace("`raise` removed", node, "pass")
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not is_none(node.value) and not isinstance(node.value, ast.Constant):
            self._replace("return value replaced", node.value, "None")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
            self._replace("assignment removed", node, "pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._replace("assignment removed", node, "pass")
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        self._replace("`del` removed", node, "pass")

    def visit_Break(self, node: ast.Break) -> None:
        self._replace("`break` removed", node, "pass")

    def visit_Continue(self, node: ast.Continue) -> None:
        self._replace("`continue` removed", node, "pass")

    # ---------------------------------------------------------------------- places

    def _negate(self, test: ast.expr) -> None:
        if not isinstance(test, ast.Compare | ast.Constant) and not is_not(test):
            self._replace("condition negated", test, f"(not ({self._text(test)}))")

    def _replace(self, kind: str, node: ast.expr | ast.stmt, text: str) -> None:
        self._add(kind, node, end=self._offset(node.end_lineno, node.end_col_offset), text=text)

    def _add(self, kind: str, node: ast.expr | ast.stmt | ast.keyword, *, end: int, text: str) -> None:
        start = self._offset(node.lineno, node.col_offset)
        self.found.append(Mutation(kind, node.lineno, start, end, text))

    def _replace_between(self, kind: str, left: ast.expr, right: ast.expr, old: str, new: str) -> None:
        """Replace the operator between two operands."""
        start = self._offset(left.end_lineno, left.end_col_offset)
        end = self._offset(right.lineno, right.col_offset)
        found = re.search(old.encode(), self._source[start:end])
        if found:
            line = self._source.count(b"\n", 0, start + found.start()) + 1
            self.found.append(Mutation(kind, line, start + found.start(), start + found.end(), new))

    def _text(self, node: ast.expr) -> str:
        start = self._offset(node.lineno, node.col_offset)
        return self._source[start : self._offset(node.end_lineno, node.end_col_offset)].decode()

    def _offset(self, line: int | None, column: int | None) -> int:
        return self._lines[(line or 1) - 1] + (column or 0)


def name_of(node: ast.expr) -> str:
    """The last name of an expression such as `typing.cast`, else nothing."""
    if isinstance(node, ast.Call):
        return name_of(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def is_logging(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and bool(LOGGERS.match(name_of(node.func.value)))


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def is_type(node: ast.expr) -> bool:
    """Whether an expression is a type, as in `int | None`, as far as its syntax shows."""
    if isinstance(node, ast.Subscript):
        return is_type(node.value)
    if isinstance(node, ast.BinOp):
        return is_type(node.left) or is_type(node.right)
    name = name_of(node)
    return is_none(node) or (
        not isinstance(node, ast.Call) and (name in TYPES or (name[:1].isupper() and not name.isupper()))
    )


def is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def is_not(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)


def lines_of(diff: str) -> Iterator[str]:
    """The removed and added lines of a diff, without the white space around them."""
    for line in diff.splitlines():
        if line[:1] in ("-", "+") and line[:3] not in ("---", "+++"):
            yield f"{line[0]} {line[1:].strip()}"
