"""Process settings: what a fresh process gets, and what an already started one is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nnjax.errors import ConfigError
from nnjax.runner import configure as module
from nnjax.runner.configure import ALLOCATOR, configure, environment, usable_cores

CLEAN = {name: value for name, value in os.environ.items() if name not in (*ALLOCATOR, "GLIBC_TUNABLES")}


def fresh(code: str, **variables: str) -> dict:
    """What `code` prints as JSON in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", code], env={**CLEAN, **variables}, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_a_fresh_process_gets_devices_and_a_cache_that_fills(tmp_path: Path) -> None:
    code = """
import json, jax, jax.numpy as jnp
from nnjax.runner.configure import configure
settings = configure(cores=3)
jax.jit(lambda x: jnp.tanh(x) * 2)(1.0).block_until_ready()
entries = len(list(settings.cache.iterdir()))
print(json.dumps([settings.devices, jax.device_count(), str(settings.cache), entries]))
"""
    said, real, cache, entries = fresh(code, NNJAX_CACHE=str(tmp_path))
    assert (said, real) == (3, 3)
    assert Path(cache).is_relative_to(tmp_path / "compiled")
    assert entries > 0


def test_after_the_start_it_says_what_could_not_be_set(tmp_path: Path) -> None:
    code = """
import json, jax, jax.numpy as jnp
from nnjax.runner.configure import configure
jnp.zeros(1)
settings = configure(cores=3)
print(json.dumps([settings.devices, list(settings.notes)]))
"""
    devices, notes = fresh(code, NNJAX_CACHE=str(tmp_path))
    assert devices == 1
    assert notes[0] == "3 CPU devices: JAX has started already; call configure() before any JAX operation"


def test_a_cache_that_cannot_be_written_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NNJAX_CACHE", str(tmp_path / "file"))
    settings = configure(cores=2)
    assert settings.cache is None
    assert any(
        note.startswith("compilation cache: ") and "Not a directory" in note for note in settings.notes
    )


def test_cores_below_one_are_an_error() -> None:
    with pytest.raises(ConfigError, match="cores wants an integer of at least 1, got 0"):
        configure(cores=0)


def test_usable_cores_follow_the_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3}, raising=False)
    assert 1 <= usable_cores() <= 2


def test_environment_adds_only_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_has_glibc", lambda: True)
    everything = {**ALLOCATOR, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    assert environment({}) == everything
    assert environment(everything) == {}
    assert "MALLOC_TOP_PAD_" not in environment({"MALLOC_TOP_PAD_": "7"})
    tunables = environment({"GLIBC_TUNABLES": "glibc.malloc.check=0"})["GLIBC_TUNABLES"]
    assert tunables == "glibc.malloc.check=0:glibc.malloc.hugetlb=1"
    assert environment({"NNJAX_ALLOCATOR": "0"}) == {}
    monkeypatch.setattr(module, "_has_glibc", lambda: False)
    assert environment({}) == {}


@pytest.mark.skipif(not environment({}), reason="the C library is not glibc")
def test_a_process_starts_itself_again_once_with_the_same_words(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import json, os, sys\n"
        "from nnjax.runner.configure import reexecute\n"
        "starts = int(os.environ.get('STARTS', 0)) + 1\n"
        "os.environ['STARTS'] = str(starts)\n"
        "reexecute()\n"
        "print(json.dumps([starts, os.environ.get('MALLOC_MMAP_MAX_'), sys.argv[1:]]))\n"
    )
    command = [sys.executable, str(script), "a b", "--c"]
    for off, expected in ({}, [2, "0"]), ({"NNJAX_ALLOCATOR": "0"}, [1, None]):
        done = subprocess.run(command, env={**CLEAN, **off}, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == [*expected, ["a b", "--c"]]


def test_no_process_starts_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "environment", lambda environ: {"MALLOC_MMAP_MAX_": "0"})
    monkeypatch.setenv("NNJAX_REEXEC", "1")
    monkeypatch.setattr(os, "execve", lambda *words: pytest.fail("started again"))
    module.reexecute()
