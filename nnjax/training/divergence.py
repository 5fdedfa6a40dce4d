"""A training that stops being finite: where and why it did, and what it goes on with, if it does.

    raise      it ends, with the step, the cause and the last good state
    skip       it goes on without the batches of the segment that diverged, at most SKIPS in a row
    rollback   the segment is trained again from the best parameters so far, with ROLLBACK_FACTOR
               times the learning rate, at most ROLLBACKS times in a training

All three are functions of the last good state, that of the segment end before, so that a run that is
resumed takes the same remedies as one that was never interrupted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.errors import ConfigError, DivergedError
from nnjax.training.engine import advance, all_finite, batch_rows, place
from nnjax.training.member import FINISHED, INIT, RUNNING, Data, Member, member_key
from nnjax.types import Plan, Recipe

POLICIES = ("raise", "skip", "rollback")
SKIPS = 3
ROLLBACKS = 3
ROLLBACK_FACTOR = 0.1
LEARNING_RATE = "learning_rate"  # the hyperparameter that a rollback lowers


class Remedies:
    """What one training goes on with each time that it diverges; call it with the error.

    Attributes:
        policy: One of POLICIES.
        recipe: What is learned, as a function of the hyperparameters.
        plan: How.
        taken: The remedies so far, oldest first, as JSON has them: {"policy", "step" (the last good
            one), "diverged" (the step that broke), "cause", and after a rollback "learning_rate" and
            "to", the step of the parameters}. They belong to the state: save them with it.
    """

    def __init__(
        self, policy: str, recipe: Recipe, plan: Plan, taken: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        if policy not in POLICIES:
            raise ConfigError(f"on_divergence wants one of {', '.join(POLICIES)}, got {policy!r}")
        self.policy = policy
        self.recipe = recipe
        self.plan = plan
        self.taken = [dict(remedy) for remedy in taken]

    def check(self, hyper: Mapping[str, Any]) -> None:
        """Raises ConfigError where the policy cannot work on trainings with these hyperparameters."""
        if self.policy == "rollback" and LEARNING_RATE not in hyper:
            has = f"has {', '.join(hyper)}" if hyper else "has none"
            raise ConfigError(
                f"on_divergence=rollback lowers the traced setting {LEARNING_RATE}, and this one {has}"
            )

    def __call__(self, error: DivergedError) -> Member:
        """The state to go on from.

        Raises:
            DivergedError: If the policy is to raise, or its remedies are used up.
        """
        member = error.member
        if self.policy == "raise" or not isinstance(member, Member):
            raise error
        used_up = self._used_up(int(member.step))
        if used_up:
            raise DivergedError(f"{error} {used_up}", member, error.step, error.cause)
        remedy = {"policy": self.policy, "step": int(member.step)}
        remedy |= {"diverged": error.step, "cause": error.cause}
        if self.policy == "skip":
            member = skip_segment(self.plan, member)
        else:
            best = int(member.best_step)
            again = any(before.get("to") == best for before in self.taken)  # the best are no good, either
            member = roll_back(self.recipe, member, anew=again)
            lower = np.asarray(member.hyper[LEARNING_RATE])
            remedy |= {LEARNING_RATE: float(str(lower)), "to": 0 if again else best}
        self.taken.append(remedy)
        return member

    def _used_up(self, step: int) -> str:
        """Why there is no remedy left; "" where there is one."""
        if self.policy == "rollback":
            taken = [remedy for remedy in self.taken if remedy["policy"] == "rollback"]
            return f"It has been rolled back {ROLLBACKS} times." if len(taken) >= ROLLBACKS else ""
        size = self.plan.segment_steps
        skipped = {remedy["step"] // size for remedy in self.taken if remedy["policy"] == "skip"}
        before = {step // size - i for i in range(1, SKIPS + 1)}
        if len(skipped) + 1 >= self.plan.segments:
            return "Every segment diverged."
        return f"The {SKIPS} segments before were skipped." if before <= skipped else ""


def stop(error: DivergedError) -> Member:
    """The policy `raise`."""
    raise error


def skip_segment(plan: Plan, member: Member) -> Member:
    """The member at the end of a segment that it leaves out.

    Its batches are those of its steps, and count as done: parameters, optimiser state, best
    parameters and patience stay as they are, and the segment has no row.
    """
    step = (member.step // plan.segment_steps + 1) * plan.segment_steps
    status = jnp.where(step >= plan.segments * plan.segment_steps, FINISHED, RUNNING)
    return member._replace(step=step, status=status)


def roll_back(recipe: Recipe, member: Member, anew: bool = False) -> Member:
    """The member with its best parameters so far and ROLLBACK_FACTOR times its learning rate.

    The optimiser's counters stay, so that schedules go on; its moments begin at zero.

    Args:
        recipe: What is learned, as a function of the hyperparameters.
        member: The last good state. A state may be good and the next loss too large for a number.
        anew: Whether to begin from the initial parameters instead.
    """
    lower = member.hyper[LEARNING_RATE] * np.float32(ROLLBACK_FACTOR)
    hyper = {**member.hyper, LEARNING_RATE: lower}
    task = recipe(hyper)
    params = task.net.init(member_key(member.seed, INIT, 0)) if anew else member.best_params
    fresh = task.optimizer.init(params)
    moments = lambda new, old: new if jnp.issubdtype(new.dtype, jnp.inexact) else old
    opt_state = jax.tree.map(moments, fresh, member.opt_state)
    waited = jnp.zeros_like(member.waited)
    member = member._replace(hyper=hyper, params=params, opt_state=opt_state, waited=waited)
    return jax.tree.map(jnp.copy, member)  # no leaf may be another one's, since all are donated


def described(remedy: Mapping[str, Any]) -> str:
    """A remedy in words.

    >>> described({"policy": "skip", "step": 20, "diverged": 27, "cause": "the loss"})
    'the loss was not finite at step 27: its segment is skipped, as of step 20'
    """
    told = f"{remedy['cause']} was not finite at step {remedy['diverged']}: "
    if remedy["policy"] == "skip":
        return f"{told}its segment is skipped, as of step {remedy['step']}"
    lower = f"the parameters of step {remedy['to']} and learning_rate {remedy[LEARNING_RATE]:g}"
    return f"{told}on from step {remedy['step']} with {lower}"


def divergence(recipe: Recipe, plan: Plan, data: Data, member: Member) -> DivergedError:
    """Replays the segment after the last good state step by step, to say where it broke and why.

    The replay is on one device, where a step is a function of the member alone.
    """
    solo = dataclasses.replace(plan, layout="one", devices=1)
    data, replayed = place(solo, data), place(solo, member)
    rows = batch_rows(solo, data.train, replayed, plan.segment_steps)
    one = jax.jit(lambda member, rows: advance(recipe, solo, data, member, rows))
    cause = "the loss or a parameter"
    for i in range(plan.segment_steps):
        replayed, measured = one(replayed, rows[i])
        if not np.isfinite(measured["loss"].total):
            cause = "the loss"
            break
        if not all_finite(replayed.params):
            cause = "the gradient or the update"
            break
    return DivergedError(
        f"training diverged at step {int(replayed.step)}: {cause} is not finite; the last good state "
        f"is that of step {int(member.step)}. A lower learning rate often helps.",
        member,
        int(replayed.step),
        cause,
    )


def check_good(members: Member) -> None:
    """Refuses to have a state saved that is not finite; looks on the host, at one member or many.

    An optimiser may hold an infinity on purpose (the best value so far), but never a NaN.

    Raises:
        DivergedError: A parameter is not finite, or the optimiser's state has a NaN.
    """
    wants = {"params": np.isfinite, "best_params": np.isfinite, "opt_state": lambda x: ~np.isnan(x)}
    for name, good in wants.items():
        for path, leaf in jax.tree_util.tree_leaves_with_path(getattr(members, name)):
            if jnp.issubdtype(leaf.dtype, jnp.inexact) and not good(np.asarray(leaf)).all():
                where = f"{name}{jax.tree_util.keystr(path)}"
                step = np.asarray(members.step).max()
                raise DivergedError(
                    f"training diverged: {where} is not finite at step {step}; that state was not saved, "
                    "and the checkpoint before it stays"
                )
