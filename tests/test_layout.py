"""Devices are chosen by shapes."""

import jax

from nnjax.training.layout import choose_layout


def test_dense_nets_stay_on_one_device_and_large_convolutions_are_shared():
    assert choose_layout(multiply_adds=535_000, parameters=535_000, batch_size=128) == ("one", 1)
    assert choose_layout(multiply_adds=4_000_000, parameters=420_000, batch_size=128) == ("batch", 2)


def test_little_work_is_not_shared():
    assert choose_layout(multiply_adds=1000, parameters=10, batch_size=32) == ("one", 1)


def test_a_single_device_shares_with_nobody(monkeypatch):
    monkeypatch.setattr(jax, "local_device_count", lambda: 1)
    assert choose_layout(multiply_adds=4_000_000, parameters=420_000, batch_size=128) == ("one", 1)


def test_a_net_of_many_parameters_stays_on_one_device():
    assert choose_layout(multiply_adds=714_000_000, parameters=61_100_840, batch_size=8) == ("one", 1)
