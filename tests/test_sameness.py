"""Whether a run can go on bit for bit: what counts as different, and what does not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nnjax import Dataset, Plan, Splits
from nnjax.runner import machine
from nnjax.runner.sameness import data_digest, device_names, environment_differences, training_differences

PLAN = Plan(segments=3, segment_steps=10, batch_size=2)
TRAIN = Dataset(np.arange(6, dtype=np.float32).reshape(3, 2), np.array([0, 1, 1]))


def here(**changes):
    described = {
        "versions": machine.versions(),
        "processor": machine.processor(),
        "devices": device_names(),
        "plan": dataclasses.asdict(PLAN),
    }
    return described | changes


def test_here_nothing_differs():
    assert environment_differences(here()) == []


def test_packages_that_read_data_do_not_count_by_their_version():
    assert environment_differences(here(versions={**machine.versions(), "scikit-learn": "0.1"})) == []


@pytest.mark.parametrize("package", ["nnjax", "jax", "jaxlib", "flax", "optax"])
def test_packages_that_compute_do(package):
    now = machine.versions()[package]
    told = environment_differences(here(versions={**machine.versions(), package: "0.0.1"}))
    assert told == [f"{package} was 0.0.1 and is {now}"]


def test_only_devices_that_the_plan_uses_count():
    one, two = (dataclasses.asdict(dataclasses.replace(PLAN, devices=count)) for count in (1, 2))
    less = device_names()[:1]
    assert environment_differences(here(devices=less, plan=one)) == []
    told = environment_differences(here(devices=less, plan=two))
    assert told == [f"devices was {less[0]} and is {', '.join(device_names()[:2])}"]


def test_an_old_config_says_nothing_and_so_differs():
    told = environment_differences({})
    assert f"jax was None and is {machine.versions()['jax']}" in told


def test_plan_and_data_are_compared():
    splits = Splits(TRAIN)
    described = {"data_digest": data_digest(splits)}
    assert training_differences(described, PLAN, PLAN, splits) == []
    other = dataclasses.replace(PLAN, layout="batch", devices=2)
    told = training_differences(described, PLAN, other, splits)
    assert told == ["layout was one and is batch", "devices was 1 and is 2"]
    assert training_differences({"data_digest": "0"}, PLAN, PLAN, splits) == ["the data are others"]
    assert training_differences({}, PLAN, PLAN, splits) == []


def test_the_digest_of_the_data_sees_one_bit_a_dtype_a_shape_and_a_part():
    inputs = TRAIN.inputs.copy()
    inputs.view(np.uint32)[1, 1] ^= 1
    some = Dataset(TRAIN.inputs[:1], TRAIN.targets[:1])
    variants = [
        Splits(TRAIN),
        Splits(Dataset(inputs, TRAIN.targets)),
        Splits(Dataset(TRAIN.inputs.astype(np.float64), TRAIN.targets)),
        Splits(Dataset(TRAIN.inputs.reshape(3, 1, 2), TRAIN.targets)),
        Splits(Dataset(TRAIN.inputs, TRAIN.targets, weights=np.ones(3, np.float32))),
        Splits(TRAIN, valid=some),
        Splits(TRAIN, test=some),
    ]
    assert len({data_digest(splits) for splits in variants}) == len(variants)
    assert data_digest(Splits(TRAIN)) == data_digest(Splits(TRAIN.take(slice(None))))
    backwards = TRAIN.inputs[:, ::-1]
    assert data_digest(Splits(Dataset(backwards, TRAIN.targets))) == data_digest(
        Splits(Dataset(backwards.copy(), TRAIN.targets))
    )
