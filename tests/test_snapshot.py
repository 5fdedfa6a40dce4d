"""A checkpoint on the disk gives back the bits that were saved, or says what is wrong with it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest

from nnjax.errors import ConfigError, DamagedError
from nnjax.training.snapshot import host_leaves, read_snapshot, reason, state_digest, write_snapshot


class Member(NamedTuple):
    seed: jax.Array
    params: dict
    opt_state: tuple


def round_trip(folder: Path, state, like=None, meta=None):
    folder = folder / "7"
    folder.mkdir(exist_ok=True)
    write_snapshot(folder, 7, host_leaves(state), meta or {})
    return read_snapshot(folder, 7, state if like is None else like)


NAN_PAYLOADS = np.array([0x7FC00001, 0xFFC12345, 0x7F800001], np.uint32).view(np.float32)
AWKWARD = {
    "bfloat16": np.arange(6).astype(ml_dtypes.bfloat16),
    "float8": np.arange(6).astype(ml_dtypes.float8_e4m3fn),
    "int4": np.arange(5).astype(ml_dtypes.int4),
    "bool": np.array([[True, False]]),
    "a seed": np.array(2**32 - 1, np.uint32),
    "a NumPy scalar": np.float32(0.1),
    "a large integer": np.array(-(2**62)),
    "complex": np.array([1 - 0.0j, -0.0 + 1j], np.complex64),
    "negative zeros": -np.zeros((2, 3), np.float32),
    "NaNs with a payload": NAN_PAYLOADS,
    "one NaN": NAN_PAYLOADS[1:2],
    "infinities": np.array([np.inf, -np.inf], np.float16),
    "columns first": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big-endian": np.arange(3, dtype=">f4"),
    "no rows": np.zeros((0, 3), np.float32),
}


@pytest.mark.parametrize("value", AWKWARD.values(), ids=AWKWARD)
def test_bits_come_back(tmp_path, value):
    state, _ = round_trip(tmp_path, {"leaf": value})
    wanted = np.ascontiguousarray(value, value.dtype.newbyteorder("="))
    assert state["leaf"].dtype == wanted.dtype
    assert state["leaf"].shape == value.shape
    assert state["leaf"].tobytes() == wanted.tobytes()


def test_odd_keys_do_not_meet(tmp_path):
    keys = ["a/b", "..", "../../x", "a.b", "", "é", "'", "0", "a']['b"]
    state = {key: np.full(3, i) for i, key in enumerate(keys)} | {0: np.full(3, 99)}
    state = {
        "nested": {str(key): value for key, value in state.items()},
        "a": {"b": np.zeros(1)},
        "listed": [1, 2.5],
    }
    restored, _ = round_trip(tmp_path, state)
    assert restored["listed"] == [1, 2.5]
    assert [type(number) for number in restored["listed"]] == [int, float]
    for key, value in state["nested"].items():
        np.testing.assert_array_equal(restored["nested"][key], value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["7"]


def test_a_member_comes_back_with_its_optimiser_and_its_meta(tmp_path):
    params = {"layer_0": {"weights": jnp.arange(6.0).reshape(2, 3), "bias": -jnp.zeros(3)}}
    optimizer = optax.chain(optax.clip(1.0), optax.adam(0.1))
    state = Member(jnp.uint32(5), params, optimizer.init(params))
    meta = {"rows": 12, "best": 0.1, "queue": [3, 4], "score": float("inf"), "text": "é"}
    restored, restored_meta = round_trip(tmp_path, state, meta=meta)
    assert jax.tree.structure(restored) == jax.tree.structure(state)
    assert state_digest(restored) == state_digest(state)
    assert restored_meta == meta


def test_no_second_compilation(tmp_path):
    program = jax.jit(lambda state: jax.tree.map(lambda leaf: leaf * 2, state))
    state = program({"weights": jnp.ones(3), "step": jnp.int32(1)})
    program(state)
    restored, _ = round_trip(tmp_path, state)
    program(restored)
    assert program._cache_size() == 1


def test_a_sharding_comes_back(tmp_path):
    mesh = jax.make_mesh((2,), ("members",), axis_types=(jax.sharding.AxisType.Auto,))
    sharding = jax.sharding.NamedSharding(mesh, jax.P("members"))
    state = jax.device_put(jnp.arange(8.0), sharding)
    shapes = jax.ShapeDtypeStruct((8,), jnp.float32, sharding=sharding)
    for like in (state, shapes):
        folder = tmp_path / type(like).__name__
        folder.mkdir()
        restored, _ = round_trip(folder, state, like)
        assert restored.sharding == sharding
        np.testing.assert_array_equal(restored, np.arange(8.0))


SAVED = {"weights": np.ones((2, 3), np.float32), "bias": np.zeros(3, np.float32)}


@pytest.mark.parametrize(
    ("like", "message"),
    [
        (
            SAVED | {"bias": np.zeros(3, np.float16)},
            r"\['bias'\] should be float16\[3\], but is float32\[3\]",
        ),
        (
            SAVED | {"bias": np.zeros((3, 1), np.float32)},
            r"\['bias'\] should be float32\[3, 1\], but is float32\[3\]",
        ),
        (SAVED | {"scale": np.zeros(1)}, r"\['scale'\] should be float64\[1\], but is nothing"),
        ({"weights": SAVED["weights"]}, r"it also has \['bias'\], float32\[3\]"),
        (SAVED | {"bias": 0.0}, r"\['bias'\] should be float64\[\], but is float32\[3\]"),
    ],
    ids=["dtype", "shape", "missing", "extra", "number"],
)
def test_another_state_is_refused_not_cast(tmp_path, like, message):
    with pytest.raises(ConfigError, match=message):
        round_trip(tmp_path, SAVED, like)


def test_float64_is_not_restored_as_float32(tmp_path):
    with pytest.raises(ConfigError, match=r"\['x'\] is float64\[2\], for which JAX needs jax_enable_x64"):
        round_trip(tmp_path, {"x": np.ones(2)}, {"x": jax.ShapeDtypeStruct((2,), np.float64)})


@pytest.mark.parametrize(
    ("leaf", "message"),
    [
        (jax.random.key(0), "Store the seed as uint32"),
        ("text", "must be an array of numbers, not str"),
        (np.array([None]), "must be an array of numbers, not ndarray"),
        (np.datetime64("2020-01-01"), "must be an array of numbers, not datetime64"),
    ],
    ids=["key", "text", "object", "date"],
)
def test_what_is_not_a_number_is_refused(leaf, message):
    with pytest.raises(ConfigError, match=r"\['a'\] of the state.*" + message):
        host_leaves({"a": leaf})


def test_digest_is_the_documented_hash():
    leaf = np.array([1.5, -2.0], np.float32)
    entry = {
        "dtype": "float32",
        "path": "['a']",
        "sha256": hashlib.sha256(bytes.fromhex("0000c03f000000c0")).hexdigest(),
        "shape": [2],
    }
    assert state_digest({"a": leaf}) == hashlib.sha256(json.dumps([entry]).encode()).hexdigest()
    assert state_digest({"a": jnp.asarray(leaf)}) == state_digest({"a": leaf})


def test_digest_tells_states_apart():
    zeros = np.zeros(4, np.float32)
    others = [
        {"b": zeros},
        {"a": zeros.reshape(2, 2)},
        {"a": zeros.view(np.int32)},
        {"a": -zeros},
        {"a": np.nextafter(zeros, 1)},
        {"a": zeros, "b": np.zeros(0)},
        [zeros],
        {"a": [zeros]},
    ]
    digests = {state_digest(state) for state in [{"a": zeros}, *others]}
    assert len(digests) == 1 + len(others)


def test_orbax_alone_reads_the_state(tmp_path):
    round_trip(tmp_path, SAVED)
    restored = ocp.PyTreeCheckpointer().restore(tmp_path / "7" / "state")
    np.testing.assert_array_equal(restored["['weights']"], SAVED["weights"])


def test_values_that_orbax_changes_are_noticed(tmp_path, monkeypatch):
    round_trip(tmp_path, SAVED)
    changed = {"['weights']": SAVED["weights"], "['bias']": np.array([0, 0, 1e-45], np.float32)}
    monkeypatch.setattr(ocp.PyTreeCheckpointer, "restore", lambda self, path: changed)
    with pytest.raises(DamagedError, match=r"\['bias'\] is not what was saved"):
        read_snapshot(tmp_path / "7", 7, SAVED)


def test_another_orbax_is_an_error_that_says_so(tmp_path, monkeypatch):
    def refuse(self, path):
        raise NotImplementedError("a layout of the future")

    round_trip(tmp_path, SAVED)
    monkeypatch.setattr(ocp.PyTreeCheckpointer, "restore", refuse)
    with pytest.raises(
        DamagedError, match=r"Orbax cannot read .*NotImplementedError: a layout of the future"
    ):
        read_snapshot(tmp_path / "7", 7, SAVED)


def test_a_renamed_checkpoint_is_noticed(tmp_path):
    round_trip(tmp_path, SAVED)
    (tmp_path / "7").rename(tmp_path / "8")
    with pytest.raises(DamagedError, match=r"record\.json has changed since it was written"):
        read_snapshot(tmp_path / "8", 8, SAVED)


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", "{", '{"sha256": "00"}', "\0"])
def test_what_is_not_a_record_is_damage(tmp_path, text):
    round_trip(tmp_path, SAVED)
    (tmp_path / "7" / "record.json").write_text(text)
    with pytest.raises(DamagedError, match=r"record\.json (is not a record|has changed)"):
        read_snapshot(tmp_path / "7", 7, SAVED)


def test_a_newer_format_is_not_called_damage(tmp_path):
    round_trip(tmp_path, SAVED)
    path = tmp_path / "7" / "record.json"
    record = json.loads(path.read_text()) | {"format": 2}
    del record["sha256"]
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(record | {"sha256": digest}))
    with pytest.raises(ConfigError, match="has format 2; this version of nnjax reads 1"):
        read_snapshot(tmp_path / "7", 7, SAVED)


def test_reason_is_what_the_system_said():
    assert reason(OSError(28, "No space left on device")) == "No space left on device"
    assert reason(ValueError("Failed to write [os_error_code='28'] [spec]")) == "No space left on device"
    assert reason(ValueError("one\ntwo")) == "ValueError: one"
