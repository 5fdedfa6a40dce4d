"""Whether a run can go on bit for bit: what it computes with now, and what config.json says it did.

The promise is: same program, same devices, same versions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from nnjax.runner import machine
from nnjax.types import Dataset, Plan, Splits

# What a training's numbers go through. The other packages read data, and those have a digest.
DECISIVE = ("nnjax", "jax", "jaxlib", "flax", "optax")


def environment_differences(described: Mapping[str, Any]) -> list[str]:
    """What differs between the run's environment and this one, in words; empty where nothing does.

    Args:
        described: config.json of the run.
    """
    now, then = machine.versions(), described.get("versions") or {}
    pairs = [(name, then.get(name), now[name]) for name in DECISIVE]
    pairs += [("processor", described.get("processor"), machine.processor())]
    used = (described.get("plan") or {}).get("devices", 1)
    pairs += [("devices", _names(described.get("devices") or [], used), _names(device_names(), used))]
    return [f"{what} was {was} and is {is_now}" for what, was, is_now in pairs if was != is_now]


def training_differences(described: Mapping[str, Any], saved: Plan, plan: Plan, splits: Splits) -> list[str]:
    """What differs in the plan and the data, in words.

    Args:
        described: config.json of the run.
        saved: The plan in it.
        plan: The plan that this process would make.
        splits: The data as they are loaded now.
    """
    told = [
        f"{name} was {was} and is {now}"
        for name, was in vars(saved).items()
        if was != (now := getattr(plan, name))
    ]
    digest = data_digest(splits)
    return told + ["the data are others"] * (described.get("data_digest", digest) != digest)


def device_names() -> list[str]:
    """The devices of this process, such as "cpu:0 cpu"."""
    return [f"{device.platform}:{device.id} {device.device_kind}" for device in jax.local_devices()]


def data_digest(splits: Splits) -> str:
    """The SHA-256 of all arrays of all parts: equal only for data that are equal bit for bit."""
    digest = hashlib.sha256()
    for name, part in splits._asdict().items():
        if not isinstance(part, Dataset):
            continue
        for path, leaf in jax.tree_util.tree_leaves_with_path((part.inputs, part.targets, part.weights)):
            array = np.ascontiguousarray(leaf)
            digest.update(f"{name}{jax.tree_util.keystr(path)} {array.dtype} {array.shape}".encode())
            digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _names(devices: list[str], used: int) -> str:
    """The devices that a run used."""
    return ", ".join(devices[:used])


def unequal_leaves(tree: Any, other: Any) -> list[str]:
    """The paths of the leaves in which two trees of the same form are not equal bit for bit.

    >>> unequal_leaves({"a": 0.0, "b": 1.0}, {"a": -0.0, "b": 1.0})
    ["['a']"]
    """
    same = jax.tree.map(lambda a, b: np.asarray(a).tobytes() == np.asarray(b).tobytes(), tree, other)
    return [
        jax.tree_util.keystr(path) for path, equal in jax.tree_util.tree_leaves_with_path(same) if not equal
    ]
