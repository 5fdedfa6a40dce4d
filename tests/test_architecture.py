"""The rooms of docs/architecture.md, held by walking the imports and the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("errors", "types", "layers", "models", "data", "training", "style", "runner", "experiments")
LIBRARY = sorted((ROOT / "nnjax").rglob("*.py"))
SOURCES = [*LIBRARY, *sorted((ROOT / "experiments").glob("*.py"))]
NEVER = {"torch", "tensorflow", "pandas", "chex", "pickle", "cloudpickle", "dill"}
FILE_LINES = 300
FUNCTION_LINES = 40


def name_of(path: Path) -> str:
    """A test's id: the path from the root."""
    return str(path.relative_to(ROOT))


def imports(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Every module that a file imports, at the top or inside a function, as a dotted name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node
            yield from ((f"{node.module}.{alias.name}", node) for alias in node.names)


def room(path: Path) -> str:
    """The room that a file is in: `nnjax/layers/dense.py` is in layers."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "nnjax" else parts[0]


def room_imported(module: str) -> str | None:
    """The room that an import reaches, or None where it reaches none of ours."""
    parts = module.split(".")
    if parts[0] == "nnjax" and len(parts) > 1:
        return parts[1] if parts[1] in ROOMS else None
    return parts[0] if parts[0] in ROOMS and parts[0] == "experiments" else None


def code_lines(function: ast.AST, source: list[str]) -> int:
    """The lines of a function that are neither blank, nor comments, nor its docstring."""
    first, last = function.lineno, function.end_lineno
    skipped: set[int] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(
            node
        ):
            skipped |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = ((number, source[number - 1].strip()) for number in range(first, last + 1))
    return sum(bool(line) and not line.startswith("#") for number, line in lines if number not in skipped)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_room_imports_only_from_rooms_before_it(path: Path) -> None:
    own = room(path)
    if own == "__init__":
        return
    assert own in ROOMS, f"{own} is no room; the rooms are {ROOMS}"
    for module, node in imports(ast.parse(path.read_text())):
        other = room_imported(module)
        if other is not None:
            assert ROOMS.index(other) <= ROOMS.index(own), f"{path}:{node.lineno}: {own} imports {module}"
        assert not (isinstance(node, ast.ImportFrom) and node.level), (
            f"{path}:{node.lineno}: a relative import"
        )


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_what_the_library_never_does(path: Path) -> None:
    tree = ast.parse(path.read_text())
    for module, node in imports(tree):
        top = module.split(".")[0]
        assert top not in NEVER, f"{path}:{node.lineno}: imports {top}"
        if top == "flax":
            allowed = path.name in ("modules.py", "cell_modules.py") or room(path) == "models"
            assert allowed, f"{path}: imports flax"
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Assert), (
            f"{path}:{node.lineno}: assert; raise an error of nnjax.errors"
        )
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert node.value.value is False, f"{path}:{node.lineno}: allow_pickle"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_and_functions_fit_on_a_screen(path: Path) -> None:
    text = path.read_text()
    source = text.splitlines()
    assert len(source) <= FILE_LINES, f"{path} has {len(source)} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            lines = code_lines(node, source)
            name = getattr(node, "name", "lambda")
            assert lines <= FUNCTION_LINES, f"{path}:{node.lineno}: {name} has {lines} lines of code"


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_every_file_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), f"{path} has no docstring"
    assert path.stem not in ("utils", "helpers", "common"), "a file is named after its idea"


@pytest.mark.parametrize(
    "words", [[], ["--help"], ["list"], ["run"], ["run", "--help"], ["report", "--help"]]
)
def test_the_command_answers_without_jax(words: list[str]) -> None:
    code = (
        "import sys\n"
        "from nnjax.runner.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "sys.exit('imported: ' + ' '.join(loaded) if (loaded := {'jax', 'numpy'} & {*sys.modules}) else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_the_walk_sees_a_wrong_import() -> None:
    modules = {module for module, _ in imports(ast.parse("def f():\n    from nnjax.runner import cli\n"))}
    assert {room_imported(module) for module in modules} == {"runner"}
    assert room_imported("nnjax.training.fit") == "training"
    assert room_imported("numpy") is None


def test_the_count_of_lines_leaves_out_docstrings_blanks_and_comments() -> None:
    source = 'def f(x):\n    """Words.\n\n    More.\n    """\n    # why\n\n    y = x\n    return y\n'
    assert code_lines(ast.parse(source).body[0], source.splitlines()) == 3
