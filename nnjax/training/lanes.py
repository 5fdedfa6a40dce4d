"""The compiled side of a population: members in lanes, the lanes shared out over the devices.

A lane holds one member at a time. Members of tiny nets run one after another, each in one kernel,
which on a CPU is fastest; larger ones run side by side under `vmap`, in step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from nnjax.training.engine import Row, chunk, compiler_options, select, tiny_step
from nnjax.training.member import RUNNING, STOPPED, Data, Member, new_member
from nnjax.types import Array, Hyper, Plan, Recipe

LANES = "lanes"  # the mesh axis over which lanes are shared out
SIDE = "side"  # the axis of the lanes of one device that run side by side


def mesh(plan: Plan) -> jax.sharding.Mesh:
    """The devices of a plan, in a row."""
    return jax.sharding.Mesh(np.array(jax.devices()[: plan.devices]), (LANES,))


def shared_out(plan: Plan) -> NamedSharding:
    """Lanes in equal runs over the devices."""
    return NamedSharding(mesh(plan), PartitionSpec(LANES))


def everywhere(plan: Plan) -> NamedSharding:
    """A copy on each device."""
    return NamedSharding(mesh(plan), PartitionSpec())


def fresh(recipe: Recipe, seeds: Array, folds: Array, hyper: Hyper, occupied: Array) -> Member:
    """New members [L] in their lanes; a lane that is not occupied holds one that does not run."""
    members = jax.vmap(lambda seed, fold, h: new_member(recipe, seed, h, fold))(seeds, folds, hyper)
    return members._replace(status=jnp.where(occupied, RUNNING, STOPPED))


def refill(recipe: Recipe, members: Member, seeds: Any, folds: Any, hyper: Hyper, into: Array) -> Member:
    """New members in the lanes where `into` [L], the old ones in the others."""
    new = fresh(recipe, seeds, folds, hyper, into)
    return jax.vmap(select)(into, new, members)


def take(members: Any, lanes: Any) -> Any:
    """The members in `lanes`."""
    return jax.tree.map(lambda leaf: leaf[lanes], members)


def compile_lanes(
    recipe: Recipe, plan: Plan, data: Data, members: Member, side_by_side: bool
) -> Callable[[Data, Member, Any, Any], tuple[Member, Row, Array]]:
    """Compiles `chunk` for all lanes of `plan`.

    Called as `compiled(data, members, n, enough)`: up to `n` [D] segments for every lane of a device;
    lanes side by side end their chunk when fewer than `enough` [D] of their device run. Returns the
    members, their tables of rows {name: [L, rows]} and the segments that each lane was given [L].
    """

    def one(data: Data, n: Array, enough: Array, member: Member) -> tuple[Member, Row, Array]:
        if not side_by_side:
            return chunk(recipe, plan, data, member, n[0])
        count = lambda running: jax.lax.psum(running.astype(jnp.int32), SIDE)
        return chunk(recipe, plan, data, member, n[0], lambda running: count(running) >= enough[0])

    def run(data: Data, members: Member, n: Array, enough: Array) -> tuple[Member, Row, Array]:
        each = partial(one, data, n, enough)
        return jax.vmap(each, axis_name=SIDE)(members) if side_by_side else jax.lax.map(each, members)

    everyone, own = PartitionSpec(), PartitionSpec(LANES)
    sharded = jax.shard_map(
        run, mesh=mesh(plan), in_specs=(everyone, own, own, own), out_specs=own, check_vma=False
    )
    per_device = jnp.zeros(plan.devices, jnp.int32)
    lowered = jax.jit(sharded, donate_argnums=1).lower(data, members, per_device, per_device)
    params = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), members.params)
    return lowered.compile(compiler_options=compiler_options(plan, params))


def shapes(plan: Plan, member: Member) -> Member:
    """The shapes of all lanes of `plan`, where `member` has those of one; nothing is allocated."""
    shared = shared_out(plan)
    wider = lambda leaf: jax.ShapeDtypeStruct((plan.lanes, *leaf.shape), leaf.dtype, sharding=shared)
    return jax.tree.map(wider, member)


def runs_side_by_side(plan: Plan, member: Member) -> bool:
    """Whether the lanes of a device run side by side: not where a step is tiny (see `tiny_step`)."""
    return not tiny_step(plan, member.params)
