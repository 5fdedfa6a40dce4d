"""Grids, samples and their product with seeds and folds."""

import numpy as np
import pytest
from scipy.stats import kstest

from nnjax.errors import ConfigError
from nnjax.training.sweep import cross, grid, log_uniform, sample, uniform


def test_a_grid_is_every_combination():
    settings = grid(learning_rate=[0.1, 0.2], l2=[0, 1, 2])
    pairs = list(zip(settings["learning_rate"].tolist(), settings["l2"].tolist(), strict=True))
    assert pairs == [(np.float32(r), s) for r in (0.1, 0.2) for s in (0, 1, 2)]


def test_samples_follow_their_laws_and_their_seed():
    draws = {"rate": log_uniform(1e-4, 1e-1), "drop": uniform(0.0, 0.5)}
    drawn = sample(500, seed=3, **draws)
    assert kstest(np.log10(drawn["rate"]), "uniform", args=(-4, 3)).pvalue > 1e-3
    assert kstest(drawn["drop"], "uniform", args=(0, 0.5)).pvalue > 1e-3
    np.testing.assert_array_equal(drawn["rate"], sample(500, seed=3, **draws)["rate"])
    assert (drawn["rate"] != sample(500, seed=4, **draws)["rate"]).any()


def test_cross_orders_by_setting_then_seed_then_fold():
    hyper, seeds, folds = cross({"l2": [0.0, 1.0]}, seeds=[5, 7], folds=2)
    assert hyper["l2"].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert seeds.tolist() == [5, 5, 7, 7] * 2
    assert folds.tolist() == [0, 1] * 4
    _, seeds, _ = cross({}, seeds=range(3))
    assert seeds.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: grid(l2=[]), "l2 wants a list of finite numbers"),
        (lambda: grid(l2=[np.nan]), "l2 wants a list of finite numbers"),
        (lambda: sample(0, rate=uniform(0, 1)), "count wants an integer of at least 1, got 0"),
        (lambda: sample(2, rate=lambda generator, count: [1.0]), "rate wants .* 2 finite numbers"),
        (lambda: log_uniform(0, 1), "0 < low <= high, got low 0"),
        (lambda: cross({"a": [1, 2], "b": [1]}, [0]), "one length, got {'a': 2, 'b': 1}"),
    ],
)
def test_wrong_settings_are_named(wrong, message):
    with pytest.raises(ConfigError, match=message.replace("{", r"\{")):
        wrong()
