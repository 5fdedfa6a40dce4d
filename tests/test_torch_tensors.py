"""PyTorch's .pth files: live where PyTorch is installed, and what is said where it is not."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from nnjax.data.torch_tensors import parse_torch
from nnjax.errors import DamagedError, DataError


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch reads .pth files, and is not installed")


def saved(torch: Any, value: Any, **how: Any) -> bytes:
    memory = io.BytesIO()
    torch.save(value, memory, **how)
    return memory.getvalue()


def test_without_pytorch_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    words = r"mine.pth: a .pth file is read with PyTorch, which is not installed; install it, or use"
    with pytest.raises(DataError, match=words):
        parse_torch("mine.pth", b"")


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
def test_a_state_dict_is_read_in_both_forms(torch: Any, zipped: bool) -> None:
    state = {"features.0.weight": torch.arange(6.0).reshape(2, 3).T, "steps": torch.tensor(3)}
    found = parse_torch("f", saved(torch, state, _use_new_zipfile_serialization=zipped))
    assert {name: array.tolist() for name, array in found.items()} == {
        "features.0.weight": [[0, 3], [1, 4], [2, 5]]
    }


def test_checkpoints_and_parallel_nets_are_unwrapped(torch: Any) -> None:
    state = {"module.a": torch.ones(2, dtype=torch.bfloat16, requires_grad=True)}
    found = parse_torch("f", saved(torch, {"state_dict": state, "epoch": 3}))
    assert {name: array.tolist() for name, array in found.items()} == {"a": [1, 1]}
    assert found["a"].dtype == "float32"


class Bomb:
    """What a pickle that runs a program looks like."""

    def __reduce__(self) -> tuple:
        return (exec, ("raise SystemExit('run')",))


def test_nothing_in_it_is_run(torch: Any) -> None:
    with pytest.raises(DamagedError, match=r"mine.pth: refused by torch.load\(weights_only=True\)"):
        parse_torch("mine.pth", saved(torch, {"a": Bomb()}))


def test_damaged_and_odd_files_are_named(torch: Any) -> None:
    content = saved(torch, {"a": torch.ones(100)})
    with pytest.raises(DamagedError, match=r"mine.pth: refused"):
        parse_torch("mine.pth", content[: len(content) // 2])
    with pytest.raises(DataError, match="wanted a dict of tensors"):
        parse_torch("mine.pth", saved(torch, [torch.ones(1)]))
    with pytest.raises(DataError, match="holds no tensors"):
        parse_torch("mine.pth", saved(torch, {"epoch": 1}))
