"""`fit_population`, as a researcher calls it."""

import numpy as np
import optax
import pytest

from nnjax import Dataset, Task, accuracy, cross_entropy, fit, mlp, per_example
from nnjax.data.splits import split
from nnjax.errors import ConfigError
from nnjax.training.fit_population import fit_population
from nnjax.training.halving import Halving
from nnjax.training.member import FINISHED, STOPPED
from nnjax.training.sweep import grid

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(80, 4)).astype(np.float32)
LABELS = (INPUTS[:, 0] * INPUTS[:, 1] > 0).astype(np.int32)
SPLITS = split(Dataset(INPUTS, LABELS), valid=0.25, test=0.25)


def recipe(hyper):
    metrics = {"accuracy": per_example(accuracy)}
    net, optimizer = mlp((4, 8, 2)), optax.adam(hyper["learning_rate"])
    return Task(net, per_example(cross_entropy), optimizer, metrics=metrics)


def quiet(**options):
    settings = grid(learning_rate=[1e-3, 1e-2])
    given = {"settings": settings, "seeds": 3, "epochs": 4, "batch_size": 16, "progress": False} | options
    return fit_population(recipe, given.pop("data", SPLITS), **given)


@pytest.fixture(scope="module")
def fitted():
    return quiet()


def test_every_member_has_its_parameters_and_history(fitted):
    assert fitted.entrants.seeds.tolist() == [0, 1, 2] * 2
    assert (fitted.results.status == FINISHED).all()
    assert np.isfinite(fitted.results.history["train_loss"]).all()
    solo = fit(
        mlp((4, 8, 2)), SPLITS, optimizer=optax.adam(1e-2), epochs=4, batch_size=16, seed=1, progress=False
    )
    wanted = [row["valid_loss"] for row in solo.rows]
    np.testing.assert_allclose(fitted.results.history["valid_loss"][4], wanted, rtol=1e-4)
    np.testing.assert_allclose(
        fitted.evaluate(SPLITS.test)["accuracy"][4], solo.evaluate(SPLITS.test)["accuracy"], rtol=1e-6
    )


def test_at_best_reads_the_row_of_the_best_segment(fitted):
    losses = fitted.results.history["valid_loss"]
    np.testing.assert_array_equal(fitted.at_best("valid_loss"), losses.min(1))
    np.testing.assert_array_equal(fitted.at_best("valid_loss"), fitted.results.best_score)
    accuracies = fitted.results.history["valid_accuracy"]
    wanted = accuracies[np.arange(6), losses.argmin(1)]
    np.testing.assert_array_equal(fitted.at_best("valid_accuracy"), wanted)
    with pytest.raises(ConfigError, match="name wants one of train_loss"):
        fitted.at_best("vaild_loss")


def test_cross_validation_judges_every_example_once():
    fitted = quiet(data=Dataset(INPUTS, LABELS), seeds=1, folds=3)
    assert fitted.entrants.folds.tolist() == [0, 1, 2] * 2
    assert fitted.plan.segment_steps == 4  # 54 of 80 examples in batches of 16


def test_halving_lets_the_better_half_go_on():
    fitted = quiet(
        settings=grid(learning_rate=[1e-4, 1e-3, 1e-2, 3e-2]), seeds=1, halving=Halving((1, 2), 0.5)
    )
    segments = fitted.results.step // fitted.plan.segment_steps
    assert sorted(segments) == [1, 1, 2, 4]
    first = fitted.results.history["valid_loss"][:, 0]
    assert segments[first.argmin()] >= 2
    assert set(segments[np.argsort(first)[2:]]) == {1}
    assert (fitted.results.status == np.where(segments == 4, FINISHED, STOPPED)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, "seeds wants at least one, got none"),
        ({"lanes": 0}, "lanes wants an integer of at least 1, got 0"),
        ({"monitor": "loss"}, "monitor wants one of train_loss"),
        ({"halving": Halving((9,))}, "rungs between 1 and 3 segments"),
        ({"halving": Halving((1,), 1.5)}, "share to keep between 0 and 1, got 1.5"),
        ({"halving": Halving((1,)), "lanes": 2}, "a lane for each of 6, got 2 lanes"),
        ({"folds": 1}, "folds must be from 2"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        quiet(**options)


def test_many_short_trainings_in_few_lanes_end_too():
    fitted = quiet(settings={"learning_rate": np.full(60, 1e-2)}, seeds=2, epochs=1, lanes=2)
    assert (fitted.results.status == FINISHED).all()
    np.testing.assert_array_equal(fitted.results.best_score[:118], fitted.results.best_score[2:])
