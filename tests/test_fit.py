"""`fit`, as a user calls it."""

import chex
import jax
import numpy as np
import optax
import pytest

from nnjax import Dataset, Splits, cross_entropy, fit, l2_penalty, load_splits, mlp, rescale, squared_error
from nnjax.errors import ConfigError, DataError

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(60, 2)).astype(np.float32)
LABELS = (INPUTS.sum(1) > 0).astype(np.int32)
NET = mlp((2, 8, 2))


def quiet(net=NET, data=(INPUTS, LABELS), **options):
    return fit(net, data, **({"epochs": 3, "progress": False} | options))


def test_digits_are_learned():
    splits = load_splits("digits")
    fitted = fit(rescale(mlp((64, 32, 10)), scale=1 / 16), splits, epochs=20, progress=False)
    assert fitted.evaluate(splits.test)["accuracy"] > 0.9
    assert fitted.rows[-1]["epoch"] == 20
    assert fitted.seconds["compile"] > 0
    best = min(fitted.rows, key=lambda row: row["valid_loss"])
    again = fitted.evaluate(splits.valid)
    assert again["loss"] == pytest.approx(best["valid_loss"], rel=1e-4)


def test_a_line_is_fitted_as_least_squares_has_it():
    targets = INPUTS @ np.array([[2.0], [-1.0]], np.float32) + 0.5
    fitted = quiet(mlp((2, 1)), (INPUTS, targets), loss=squared_error, optimizer=optax.sgd(0.1), epochs=60)
    np.testing.assert_allclose(fitted.params["layer_0"]["weights"], [[2.0], [-1.0]], atol=1e-3)
    np.testing.assert_allclose(fitted.params["layer_0"]["bias"], [0.5], atol=1e-3)
    assert list(fitted.rows[0]) == ["step", "epoch", "train_loss"]
    np.testing.assert_allclose(fitted.predict(INPUTS), targets, atol=1e-2)


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    first, second, other = quiet(seed=1), quiet(seed=1), quiet(seed=2)
    chex.assert_trees_all_equal(first.member, second.member)
    assert first.rows == second.rows != other.rows


def test_layouts_agree():
    one, shared = quiet(layout="one"), quiet(layout="batch")
    assert (one.plan.layout, shared.plan.layout, shared.plan.devices) == ("one", "batch", 2)
    chex.assert_trees_all_close(one.params, jax.device_get(shared.params), rtol=1e-4, atol=1e-5)


def test_a_penalty_shrinks_weights():
    free = quiet(epochs=40, optimizer=optax.sgd(0.3))
    held = quiet(epochs=40, optimizer=optax.sgd(0.3), penalty=lambda params: l2_penalty(params, 0.1))
    size = lambda fitted: float(optax.tree.norm(fitted.params))
    assert size(held) < 0.8 * size(free)


def test_patience_stops_early():
    flipped = Splits(Dataset(INPUTS, LABELS), Dataset(INPUTS, 1 - LABELS))
    fitted = quiet(data=flipped, epochs=100, patience=2, optimizer=optax.sgd(0.5))
    assert len(fitted.rows) < 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs wants an integer of at least 1, got 0"),
        ({"batch_size": 2.5}, "batch_size wants an integer of at least 1, got 2.5"),
        ({"layout": "lanes?"}, 'layout wants "auto", "one" or "batch", got'),
        ({"monitor": "valid_los"}, "monitor wants one of train_loss, train_accuracy, got 'valid_los'"),
        ({"data": [INPUTS, LABELS]}, "data wants Splits, a Dataset or a pair"),
        ({"net": mlp((3, 2))}, "3"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        quiet(**options)


def test_bad_data_is_named_by_row():
    broken = INPUTS.copy()
    broken[17, 1] = np.nan
    with pytest.raises(DataError, match="row 17"):
        quiet(data=(broken, LABELS))


def test_any_loss_and_any_metric():
    fitted = quiet(
        loss=lambda outputs, targets: 2 * cross_entropy(outputs, targets),
        metrics={"doubled": lambda outputs, targets: 2 * cross_entropy(outputs, targets)},
    )
    assert fitted.rows[-1]["train_doubled"] == fitted.rows[-1]["train_loss"]


def test_a_batch_larger_than_the_data_is_the_data():
    assert quiet(batch_size=1000).plan.batch_size == 60
