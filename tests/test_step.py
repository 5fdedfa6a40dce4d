"""The bare step against NumPy, and the sums that make weights and shares exact."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.test_util import check_grads

from nnjax import Batch, Mean, Task, l2_penalty, mlp, per_example, squared_error, step
from nnjax.training.step import divide, objective

KEY = jax.random.key(0)


def line_task(optimizer=None, penalty=lambda params: 0.0):
    return Task(mlp((2, 1)), per_example(squared_error), optimizer or optax.sgd(0.1), penalty)


def line_batch(weights=(1.0, 1.0, 1.0)):
    inputs = jnp.array([[1.0, 2.0], [3.0, -1.0], [0.5, 4.0]])
    targets = jnp.array([[1.0], [0.0], [2.0]])
    return Batch(inputs, targets, jnp.array(weights), jnp.arange(3))


PARAMS = {"layer_0": {"weights": jnp.array([[0.5], [-0.25]]), "bias": jnp.array([0.1])}}


def test_one_step_of_gradient_descent_by_hand():
    """W <- W - 0.1 * (2/N) X'(XW + b - t), as a NumPy reader would write it."""
    task, batch = line_task(), line_batch()
    params, _, measured = step(task, PARAMS, task.optimizer.init(PARAMS), batch, KEY)
    x, t = np.asarray(batch.inputs, np.float64), np.asarray(batch.targets, np.float64)
    w, b = np.array([[0.5], [-0.25]]), np.array([0.1])
    error = x @ w + b - t
    np.testing.assert_allclose(params["layer_0"]["weights"], w - 0.1 * 2 * x.T @ error / 3, rtol=1e-6)
    np.testing.assert_allclose(params["layer_0"]["bias"], b - 0.1 * 2 * error.mean(0), rtol=1e-6)
    np.testing.assert_allclose(measured["loss"].total, (error**2).sum(), rtol=1e-6)
    assert measured["loss"].count == 3


def test_the_penalty_counts_once_whatever_the_batch():
    penalised = line_task(penalty=lambda params: l2_penalty(params, 0.3))
    plain = line_task()
    state = plain.optimizer.init(PARAMS)
    with_penalty, _, _ = step(penalised, PARAMS, state, line_batch(), KEY)
    without, _, _ = step(plain, PARAMS, state, line_batch(), KEY)
    shift = with_penalty["layer_0"]["weights"] - without["layer_0"]["weights"]
    np.testing.assert_allclose(shift, -0.1 * 2 * 0.3 * PARAMS["layer_0"]["weights"], rtol=1e-5)
    np.testing.assert_array_equal(with_penalty["layer_0"]["bias"], without["layer_0"]["bias"])


@pytest.mark.parametrize(("weights", "rows"), [((1.0, 1.0, 0.0), [0, 1]), ((2.0, 0.0, 1.0), [0, 0, 2])])
def test_weights_are_exact(weights, rows):
    """A weight of 0 leaves an example out, a weight of 2 is the example twice."""
    task, batch = line_task(), line_batch(weights)
    state = task.optimizer.init(PARAMS)
    listed = jnp.array(rows)
    same = Batch(batch.inputs[listed], batch.targets[listed], jnp.ones(len(rows)), listed)
    got, _, measured = step(task, PARAMS, state, batch, KEY)
    wanted, _, expected = step(task, PARAMS, state, same, KEY)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), got, wanted)
    np.testing.assert_allclose(divide(measured["loss"]), divide(expected["loss"]), rtol=1e-6)


def test_a_batch_without_examples_moves_nothing():
    task = line_task()
    params, _, _ = step(task, PARAMS, task.optimizer.init(PARAMS), line_batch((0.0, 0.0, 0.0)), KEY)
    jax.tree.map(np.testing.assert_array_equal, params, PARAMS)
    assert divide(Mean(jnp.float32(0), jnp.float32(0))) == 0


def test_the_objective_has_the_gradient_of_its_value():
    task = line_task(penalty=lambda params: l2_penalty(params, 0.2))
    value = objective(task, line_batch((1.0, 2.0, 0.0)), KEY)
    check_grads(lambda params: value(params)[0], (PARAMS,), order=1, modes=["rev"], atol=1e-2, rtol=1e-2)


def test_lbfgs_finds_the_least_squares_line():
    """Optax's L-BFGS with its line search gets value, gradient and value_fn from the step."""
    task, batch = line_task(optax.lbfgs()), line_batch()
    params, state = PARAMS, task.optimizer.init(PARAMS)
    one = jax.jit(lambda params, state: step(task, params, state, batch, KEY)[:2])
    for _ in range(30):
        params, state = one(params, state)
    design = np.c_[np.asarray(batch.inputs, np.float64), np.ones(3)]
    solution = np.linalg.lstsq(design, np.asarray(batch.targets, np.float64), rcond=None)[0]
    found = np.r_[params["layer_0"]["weights"], params["layer_0"]["bias"][None]]
    np.testing.assert_allclose(found, solution, atol=1e-4)
