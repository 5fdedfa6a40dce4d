"""Trainings that break: what is skipped, what is rolled back, and when it is given up."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax import Net, Plan, Task, per_example, squared_error
from nnjax.errors import ConfigError, DivergedError
from nnjax.training.divergence import Remedies, check_good, described, roll_back, skip_segment
from nnjax.training.engine import place
from nnjax.training.member import FINISHED, RUNNING, Data, Part
from nnjax.training.shuffle import shuffled
from nnjax.training.train import start, train

LINE = Net(
    lambda key: {"slope": jnp.zeros(1)},
    lambda params, x, key=None, train=False: x @ params["slope"][:, None],
)
X = jnp.array([[1.0], [2.0], [3.0], [1e30]])  # the square of the last one is too large for float32
Y = jnp.array([[2.0], [4.0], [6.0], [1e30]])
PLAN = Plan(segments=8, segment_steps=1, batch_size=1, monitor="train_loss")
FAST = {"learning_rate": 0.05}


def line(hyper):
    return Task(LINE, per_example(squared_error), optax.sgd(hyper["learning_rate"]))


def trained(plan, policy, hyper=FAST, inputs=X, targets=Y):
    remedies, rows = Remedies(policy, line, plan), []
    data = place(plan, Data(Part(inputs, targets)))
    member = train(
        line,
        plan,
        data,
        start(line, plan, 0, hyper),
        lambda chunk: rows.extend(chunk.rows),
        on_diverged=remedies,
    )
    return member, remedies, rows


@pytest.mark.parametrize("segment_steps", [1, 2])
def test_what_is_skipped_are_the_batches_of_the_segment(segment_steps):
    """A loop in NumPy that leaves those batches out arrives at the same slope."""
    plan = dataclasses.replace(PLAN, segments=8 // segment_steps, segment_steps=segment_steps)
    member, remedies, rows = trained(plan, "skip")
    slope, expected, order = np.float32(0), [], []
    for epoch in range(2):
        order += np.asarray(shuffled(jnp.arange(4), 4, 0, epoch)).tolist()
    for first in range(0, 8, segment_steps):
        examples = order[first : first + segment_steps]
        if 3 in examples:
            expected.append(first)
            continue
        for i in examples:
            x, y = np.float32(X[i, 0]), np.float32(Y[i, 0])
            slope -= np.float32(0.05) * 2 * (slope * x - y) * x
    np.testing.assert_allclose(member.params["slope"], [slope], rtol=1e-5)
    assert [remedy["step"] for remedy in remedies.taken] == expected
    assert len(expected) == 2
    assert {remedy["cause"] for remedy in remedies.taken} == {"the loss"}
    kept = [first + segment_steps for first in range(0, 8, segment_steps) if first not in expected]
    assert [row["step"] for row in rows] == kept
    assert (int(member.step), int(member.status)) == (8, FINISHED)


def test_too_many_segments_in_a_row_are_not_skipped():
    remedies = Remedies("skip", line, PLAN)
    with pytest.raises(
        DivergedError, match=r"step 4: .*step 3\..* The 3 segments before were skipped\."
    ) as caught:
        train(line, PLAN, Data(Part(X[3:], Y[3:])), start(line, PLAN, 0, FAST), on_diverged=remedies)
    assert [remedy["step"] for remedy in remedies.taken] == [0, 1, 2]
    assert (caught.value.step, caught.value.cause) == (4, "the loss")
    assert int(caught.value.member.status) == RUNNING


def test_a_training_that_skipped_everything_has_not_trained():
    plan = dataclasses.replace(PLAN, segments=2)
    with pytest.raises(DivergedError, match=r"step 2: .*step 1\..* Every segment diverged\."):
        trained(plan, "skip", inputs=X[3:], targets=Y[3:])


def test_a_rollback_lowers_the_learning_rate_until_it_converges():
    """Gradient descent on a x^2 converges below 1/a: with x = 3 that is 1/9, and 5 has to fall twice."""
    plan = Plan(segments=40, segment_steps=10, batch_size=1, monitor="train_loss")
    member, remedies, rows = trained(plan, "rollback", {"learning_rate": 5.0}, X[2:3], Y[2:3])
    rates = [remedy["learning_rate"] for remedy in remedies.taken]
    np.testing.assert_allclose(rates, [0.5, 0.05][: len(rates)], rtol=1e-6)
    assert len(rates) == 2
    assert float(member.hyper["learning_rate"]) == np.float32(rates[-1])
    np.testing.assert_allclose(member.params["slope"], [2.0], atol=1e-5)
    assert [row["step"] for row in rows] == list(range(10, 401, 10))
    # After ten steps the loss is still a number, and the parameters are the best so far; with them the
    # next loss is none at any learning rate, so the second time it begins anew.
    assert [(remedy["step"], remedy["to"]) for remedy in remedies.taken] == [(10, 10), (10, 0)]


def test_a_rollback_keeps_the_optimisers_counters_and_forgets_its_moments():
    adam = lambda hyper: line(hyper)._replace(optimizer=optax.adam(hyper["learning_rate"]))
    member = start(adam, PLAN, 0, FAST)
    moments = member.opt_state[0]._replace(count=jnp.int32(7), mu={"slope": jnp.full(1, 1e30)})
    member = member._replace(
        step=jnp.int32(8),
        params={"slope": jnp.full(1, 1e20)},
        best_params={"slope": jnp.full(1, 1.5)},
        opt_state=(moments, *member.opt_state[1:]),
        waited=jnp.int32(4),
    )
    back = roll_back(adam, member)
    assert (float(back.params["slope"][0]), int(back.step), int(back.waited)) == (1.5, 8, 0)
    assert (int(back.opt_state[0].count), float(back.opt_state[0].mu["slope"][0])) == (7, 0.0)
    assert float(back.hyper["learning_rate"]) == np.float32(0.05) * np.float32(0.1)
    assert float(roll_back(adam, member, anew=True).params["slope"][0]) == 0.0
    assert jax.tree.structure(back) == jax.tree.structure(member)


def test_after_so_many_rollbacks_it_stops():
    with pytest.raises(DivergedError, match=r"It has been rolled back 3 times\."):
        trained(PLAN, "rollback", {"learning_rate": 1e30}, X[:3], Y[:3])


def test_raising_leaves_the_last_good_state_to_go_on_from():
    with pytest.raises(DivergedError, match=r"diverged at step \d: the loss is not finite") as caught:
        trained(PLAN, "raise")
    member = caught.value.member
    assert int(member.status) == RUNNING
    assert caught.value.step == int(member.step) + 1


def test_a_skip_at_the_end_ends_the_training():
    member = start(line, PLAN, 0, FAST)._replace(step=jnp.int32(7))
    assert (int(skip_segment(PLAN, member).step), int(skip_segment(PLAN, member).status)) == (8, FINISHED)
    earlier = member._replace(step=jnp.int32(6))
    assert int(skip_segment(PLAN, earlier).status) == RUNNING


def test_policies_are_checked_before_anything_is_trained():
    with pytest.raises(ConfigError, match="on_divergence wants one of raise, skip, rollback, got 'retry'"):
        Remedies("retry", line, PLAN)
    with pytest.raises(ConfigError, match="lowers the traced setting learning_rate, and this one has l2"):
        Remedies("rollback", line, PLAN).check({"l2": 0.1})
    with pytest.raises(ConfigError, match="and this one has none"):
        Remedies("rollback", line, PLAN).check({})
    Remedies("skip", line, PLAN).check({})
    Remedies("rollback", line, PLAN).check(FAST)


def test_a_state_that_is_not_finite_is_not_good():
    adam = lambda hyper: line(hyper)._replace(optimizer=optax.adam(0.1))
    member = jax.device_get(start(adam, PLAN, 0, FAST))
    check_good(member)  # best_score is infinite, and that is as it should be
    for field, message in (("params", r"params\['slope'\]"), ("best_params", r"best_params\['slope'\]")):
        bad = member._replace(**{field: {"slope": np.float32([np.inf])}})
        with pytest.raises(DivergedError, match=f"{message} is not finite at step 0; that state was not"):
            check_good(bad)
    moments = member.opt_state[0]
    check_good(member._replace(opt_state=(moments._replace(nu={"slope": np.float32([np.inf])}),)))
    bad = member._replace(opt_state=(moments._replace(nu={"slope": np.float32([np.nan])}),))
    with pytest.raises(DivergedError, match=r"opt_state\[0\]\.nu\['slope'\] is not finite"):
        check_good(bad)


def test_remedies_in_words():
    remedy = {"policy": "rollback", "step": 20, "diverged": 27, "cause": "the loss"}
    remedy |= {"learning_rate": 0.05, "to": 10}
    assert described(remedy) == (
        "the loss was not finite at step 27: on from step 20 with the parameters of step 10 and "
        "learning_rate 0.05"
    )
