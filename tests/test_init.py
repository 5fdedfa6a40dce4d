"""The public names: the table of `nnjax/__init__.py` and the stub beside it agree, and all resolve."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nnjax

STUB = Path(nnjax.__file__).with_suffix(".pyi")


def stubbed() -> dict[str, str]:
    """Public name to module, as the stub says."""
    imports = [node for node in ast.parse(STUB.read_text()).body if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module for node in imports for alias in node.names}


def test_the_stub_and_the_table_agree() -> None:
    assert stubbed() == nnjax._WHERE


@pytest.mark.parametrize("name", nnjax.__all__)
def test_a_public_name_is_the_thing_itself(name: str) -> None:
    value = getattr(nnjax, name)
    assert value is getattr(sys.modules[nnjax._WHERE[name]], name)
    assert value.__module__ == nnjax._WHERE[name], "the table names the module that defines it"
    assert value.__doc__, "every public name says what it is"


def test_dir_lists_the_public_names() -> None:
    assert {*nnjax.__all__, "__version__"} == set(dir(nnjax))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'nnjax' has no attribute 'fitt'"):
        nnjax.fitt  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'fitt'"):
        from nnjax import fitt  # noqa: F401


def test_importing_nnjax_imports_nothing_heavy() -> None:
    heavy = "{'jax', 'numpy', 'flax', 'optax', 'matplotlib', 'sklearn', 'rich'}"
    code = f"import sys, nnjax; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
