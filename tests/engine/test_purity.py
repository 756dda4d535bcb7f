"""The core is pure: what it imports and calls cannot tell the time, wait, draw lots or reach the world."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import orderwright.config.reading
import orderwright.engine

# Declarations are read with the words of the configuration, which are as pure.
READING = Path(orderwright.config.reading.__file__)
ENGINE = Path(orderwright.engine.__file__).parent
PROJECT = ENGINE.parent.parent

LIBRARIES = {"msgspec", "rpds"}
STANDARD = {
    "collections",
    "decimal",
    "difflib",
    "enum",
    "functools",
    "hashlib",
    "itertools",
    "re",
    "tomllib",
    "types",
    "typing",
    "unicodedata",
    "uuid",
    "zoneinfo",
}
OURS = ("orderwright.engine", "orderwright.moments", "orderwright.errors", "orderwright.config.reading")
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "float", "now", "utcnow", "today", "uuid1", "uuid4"}

MODULES = sorted([READING, *ENGINE.rglob("*.py")])


@cache
def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text())


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_allowed(name: str) -> bool:
    return name.partition(".")[0] in LIBRARIES | STANDARD or any(
        name == ours or name.startswith(ours + ".") for ours in OURS
    )


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PROJECT)))
def test_the_core_imports_nothing_but_itself_and_pure_libraries(module: Path) -> None:
    assert [name for name in imported(module) if not is_allowed(name)] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PROJECT)))
def test_the_core_calls_no_clock_no_file_and_no_float(module: Path) -> None:
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
    }
    assert not called & IMPURE_CALLS


def is_constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id.isupper())


@pytest.mark.parametrize("module", [*ENGINE.rglob("*.py")], ids=lambda module: str(module.relative_to(PROJECT)))
def test_amounts_are_not_negated_or_made_absolute_by_operators_that_round(module: Path) -> None:
    """Decimal's `abs` and unary minus round to the thread's 28 digits."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "abs", f"line {node.lineno}: use copy_abs"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            assert is_constant(node.operand), f"line {node.lineno}: use copy_negate"
