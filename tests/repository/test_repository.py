"""What holds for the repository as a whole."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "orderwright"
MODULES = sorted(PACKAGE.rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
_BANNED_NAMES = {"utils", "helper", "helpers", "common", "manager", "service", "processor"}


def test_constraints_are_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)] == []


def test_everything_that_is_depended_on_is_constrained() -> None:
    constrained = {_normal(line.partition("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines()}
    groups = PROJECT["project"]["optional-dependencies"].values()
    wanted = [*PROJECT["project"]["dependencies"], *(item for group in groups for item in group)]
    names = {_normal(found[0]) for item in wanted if (found := re.match(r"[A-Za-z0-9._-]+", item))}
    assert names - constrained == {"orderwright"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_opens_with_what_lives_there(module: Path) -> None:
    docstring = ast.get_docstring(ast.parse(module.read_text("utf-8")))
    assert docstring
    assert docstring.splitlines()[0].endswith((".", ":"))


def test_no_module_is_named_for_nothing() -> None:
    assert [module for module in MODULES if _BANNED_NAMES & set(module.stem.split("_"))] == []


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {file.parent for file in (ROOT / "tests").rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_imports_point_down() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_data_files_are_part_of_the_package() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["orderwright"]
    shipped = {file for pattern in patterns for file in PACKAGE.glob(pattern)}
    kept = [file for file in PACKAGE.rglob("*") if file.is_file() and "/." not in str(file.relative_to(ROOT))]
    assert {file for file in kept if file.suffix not in {".py", ".pyc"}} <= shipped


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
