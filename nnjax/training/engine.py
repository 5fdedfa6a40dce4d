"""The engine: a training is a value, and one compiled program advances it.

    step      one optimiser step on one batch                              (`nnjax.training.step`)
    advance   a step on the batch that a member's position in its data names
    segment   a fixed number of those, then validation, best and stopping
    chunk     n segments: the one compiled function; n is traced, the state is donated

All are pure functions. The loop on the host that calls chunks is `nnjax.training.train`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from nnjax.errors import ConfigError
from nnjax.training.buckets import batch_buckets, narrowed
from nnjax.training.member import DIVERGED, FINISHED, NOISE, RUNNING, STOPPED, Data, Member, Part, member_key
from nnjax.training.shuffle import shuffled
from nnjax.training.step import Everywhere, divide, here, measure, step
from nnjax.types import Array, Batch, Key, Mean, Params, Plan, Recipe, Task

EVALUATION_BATCH = 512  # the most examples scored at once, where no gradient keeps their activations
EVALUATION_NUMBERS = 2**22  # and the most numbers in their inputs: 27 pictures of 224×224×3
CHUNK_ROWS = 1024  # the most segments of one chunk: the length of its table of rows
TINY_STEP = 40_000  # parameters times examples a step, see `tiny_step`
AXIS = "batch"  # the mesh axis over which layout "batch" shards each batch

Row = Mapping[str, Array]  # what a segment reports, float32 scalars


def everywhere_of(plan: Plan) -> Everywhere:
    """How sums reach all devices that share a batch."""
    return here if plan.layout != "batch" else lambda tree: jax.lax.psum(tree, AXIS)


def share(plan: Plan, size: int) -> tuple[Array, Array]:
    """This device's positions within a batch of `size`, and which of them exist: [b], [b]."""
    own = -(-size // plan.devices) if plan.layout == "batch" else size
    own = -(-own // plan.pieces) * plan.pieces
    first = 0 if plan.layout != "batch" else jax.lax.axis_index(AXIS) * own
    offsets = first + jnp.arange(own)
    return offsets, offsets < size


def steps_per_epoch(size: int, batch_size: int) -> int:
    """How many batches an epoch has, the last partial one included: ceil(N / B)."""
    return -(-size // batch_size)


def batch_rows(plan: Plan, part: Part, member: Member, steps: int) -> Array:
    """The rows of a member's next batches, a function of (seed, fold, step) alone.

    Returns:
        int32 [steps, b]: the rows of this device's share of each batch, -1 where there is none.
    """
    size, batch_size = part.size, plan.batch_size
    epoch, batch = jnp.divmod(member.step + jnp.arange(steps), steps_per_epoch(size, batch_size))
    offsets, inside = share(plan, batch_size)
    if not plan.buckets:
        positions = batch[:, None] * batch_size + offsets[None, :]
        rows = shuffled(positions, size, member.seed, epoch[:, None])
        return part.choose(jnp.where(inside[None, :] & (positions < size), rows, -1), member.fold)
    bucket, turns = batch_buckets(plan.buckets, batch_size)
    counts = np.array([count for count, _ in plan.buckets], np.int32)
    firsts = np.cumsum(counts) - counts
    first, count, turn = (jnp.asarray(x)[batch][:, None] for x in (firsts[bucket], counts[bucket], turns))
    positions = turn * batch_size + offsets[None, :]
    ranks = first + shuffled(positions, count, member.seed, epoch[:, None])
    return part.choose(jnp.where(inside[None, :] & (positions < count), ranks, -1), member.fold)


def noise_key(plan: Plan, member: Member) -> Key:
    """The random key of a member's next step, on this device."""
    key = member_key(member.seed, NOISE, member.step)
    return key if plan.layout != "batch" else jax.random.fold_in(key, jax.lax.axis_index(AXIS))


def advance(
    recipe: Recipe, plan: Plan, data: Data, member: Member, rows: Array, bucket: Array | None = None
) -> tuple[Member, dict[str, Mean]]:
    """One step of one member on the batch at `rows` [b], cut to the width of `bucket` if one is named."""
    key = noise_key(plan, member)
    task, batch = recipe(member.hyper), data.train.batch(rows)

    def stepped(batch: Batch) -> tuple[Params, Any, dict[str, Mean]]:
        before = member.params, member.opt_state
        return step(task, *before, batch, key, everywhere_of(plan), plan.pieces)

    if bucket is None:
        params, opt_state, measured = stepped(batch)
    else:
        branches = [lambda width=width: stepped(narrowed(batch, width)) for _, width in plan.buckets]
        params, opt_state, measured = jax.lax.switch(bucket, branches)
    return member._replace(step=member.step + 1, params=params, opt_state=opt_state), measured


def steps_of_segment(plan: Plan, part: Part, member: Member) -> tuple[Array, Array | None]:
    """The rows of a segment's batches [steps, b], and their buckets [steps] where the plan has any.

    Raises:
        ConfigError: If segments are not whole epochs: then the bucket of a step would not follow
            from its position in the segment.
    """
    rows = batch_rows(plan, part, member, plan.segment_steps)
    epoch = steps_per_epoch(part.size, plan.batch_size)
    if not plan.buckets:
        return rows, None
    if plan.segment_steps % epoch:
        raise ConfigError(
            f"a plan with buckets wants segments of whole epochs, segment_steps a multiple of {epoch}, "
            f"got {plan.segment_steps}"
        )
    bucket, _ = batch_buckets(plan.buckets, plan.batch_size)
    return rows, jnp.asarray(np.tile(bucket, plan.segment_steps // epoch))


def evaluation_batch(inputs: Any) -> int:
    """How many examples are scored at once, a function of the shapes of `inputs` [N, ...] alone."""
    numbers = sum(math.prod(jnp.shape(leaf)[1:]) for leaf in jax.tree.leaves(inputs))
    return max(1, min(EVALUATION_BATCH, EVALUATION_NUMBERS // max(numbers, 1)))


def score(task: Task, plan: Plan, part: Part, params: Params, fold: Array) -> dict[str, Mean]:
    """The loss and metrics of a whole part, without dropout, in batches of `evaluation_batch`."""
    size = min(part.size, evaluation_batch(part.inputs))
    offsets, inside = share(plan, size)

    def one(start: Array) -> dict[str, Mean]:
        positions = start + offsets
        rows = jnp.where(inside & (positions < part.size), positions, -1)
        batch = part.batch(part.choose(rows, fold))
        return measure(task, task.net.apply(params, batch.inputs, train=False), batch)

    parts = jax.lax.map(one, jnp.arange(0, part.size, size))
    return everywhere_of(plan)(jax.tree.map(lambda x: x.sum(0), parts))


def judge(plan: Plan, row: Row, member: Member, params: Params) -> Member:
    """Keeps `params`, those that were scored, if they are the best so far, and decides whether it is over,
    from the row of a segment.
    """
    value = -row[plan.monitor] if plan.maximize else row[plan.monitor]
    better = value < member.best_score - plan.min_delta
    waited = jnp.where(better, 0, member.waited + 1)
    stop = False if plan.patience is None else waited >= plan.patience
    finished = member.step >= plan.segments * plan.segment_steps
    return member._replace(
        best_params=select(better, params, member.best_params),
        best_score=jnp.where(better, value, member.best_score),
        best_step=jnp.where(better, member.step, member.best_step),
        waited=waited,
        status=jnp.where(finished, FINISHED, jnp.where(stop, STOPPED, member.status)),
    )


def select(condition: Array, yes: Any, no: Any) -> Any:
    """`yes` where `condition`, else `no`, leaf by leaf."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)


def all_finite(tree: Any) -> Array:
    """Whether every floating-point entry of `tree` is finite."""
    leaves = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves]))


def segment(recipe: Recipe, plan: Plan, data: Data, member: Member) -> tuple[Member, Row]:
    """`plan.segment_steps` steps, then one evaluation.

    A member that is not running stays as it is. One whose loss or parameters stopped being finite
    keeps the state it had when the segment began, which was finite, and is DIVERGED.
    """
    task = recipe(member.hyper)
    steps = steps_of_segment(plan, data.train, member)
    after, measured = jax.lax.scan(lambda m, at: advance(recipe, plan, data, m, *at), member, steps)
    means = {f"train_{k}": divide(jax.tree.map(lambda x: x.sum(0), m)) for k, m in measured.items()}
    params = task.scored(after.params, after.opt_state)
    if data.valid is not None:
        scored = score(task, plan, data.valid, params, member.fold)
        means |= {f"valid_{k}": divide(m) for k, m in scored.items()}
    finite = all_finite((after.params, means["train_loss"]))
    running = member.status == RUNNING
    member = select(running & finite, judge(plan, means, after, params), member)
    status = jnp.where(running & ~finite, DIVERGED, member.status)
    return member._replace(status=status), means


def row_names(task: Task, data: Data) -> list[str]:
    """The names of what a segment reports."""
    parts = ["train"] + ["valid"] * (data.valid is not None)
    return [f"{part}_{name}" for part in parts for name in ("loss", *task.metrics)]


def chunk(
    recipe: Recipe,
    plan: Plan,
    data: Data,
    member: Member,
    n: Array,
    worthwhile: Callable[[Array], Array] = here,
) -> tuple[Member, Row, Array]:
    """Up to `n` segments (traced), fewer when the member stops.

    Args:
        recipe: What is learned.
        plan: How (static).
        data: The parts.
        member: The training.
        n: The most segments.
        worthwhile: Whether to go on, given whether this member is running; members that run side
            by side go on while enough of them are.

    Returns:
        The member, a table of rows (name to float32 [CHUNK_ROWS]) and how many of them are filled.
    """
    names = row_names(recipe(member.hyper), data)
    table = {name: jnp.zeros(min(plan.segments, CHUNK_ROWS)) for name in names}

    def more(carry: tuple[Member, Row, Array]) -> Array:
        return (carry[2] < n) & worthwhile(carry[0].status == RUNNING)

    def body(carry: tuple[Member, Row, Array]) -> tuple[Member, Row, Array]:
        member, table, i = carry
        member, row = segment(recipe, plan, data, member)
        return member, {name: table[name].at[i].set(row[name]) for name in names}, i + 1

    return jax.lax.while_loop(more, body, (member, table, jnp.int32(0)))


def compile_chunk(
    recipe: Recipe, plan: Plan, data: Data, member: Member
) -> Callable[[Data, Member, Any], tuple[Member, Row, Array]]:
    """Compiles `chunk` for the shapes of `data` and `member`, on the devices of `plan`.

    The compiled function is called as `compiled(data, member, n)`; `member` is donated.
    """

    def run(data: Data, member: Member, n: Array) -> tuple[Member, Row, Array]:
        return chunk(recipe, plan, data, member, n)

    if plan.layout == "batch":
        everyone = PartitionSpec()  # each device holds everything and draws its own share of a batch
        run = jax.shard_map(run, mesh=mesh(plan), in_specs=everyone, out_specs=everyone, check_vma=False)
    lowered = jax.jit(run, donate_argnums=1).lower(data, member, jnp.int32(0))
    return lowered.compile(compiler_options=compiler_options(plan, member.params))


def tiny_step(plan: Plan, params: Params) -> bool:
    """Whether a step is so small that, on a CPU, it spends its time between kernels."""
    work = plan.batch_size * sum(leaf.size for leaf in jax.tree.leaves(params))
    return jax.default_backend() == "cpu" and work <= TINY_STEP


def compiler_options(plan: Plan, params: Params) -> dict[str, str | bool]:
    """What XLA is told about one program, a function of its shapes.

    A loop of tiny steps can be compiled to one kernel (`nnjax.configure` allows XLA that), unless
    products in it are handed to the YNNPACK library; so for tiny steps they are not. For larger
    ones the library is faster.
    """
    return {"xla_cpu_experimental_ynn_fusion_type": ""} if tiny_step(plan, params) else {}


def mesh(plan: Plan) -> jax.sharding.Mesh:
    """The devices that a plan names, in a row."""
    return jax.sharding.Mesh(np.array(jax.devices()[: plan.devices]), (AXIS,))


def place(plan: Plan, tree: Any) -> Any:
    """Puts a pytree on the devices of `plan`, a copy on each."""
    if plan.layout == "one":
        return jax.device_put(tree, jax.devices()[0])
    return jax.device_put(tree, jax.sharding.NamedSharding(mesh(plan), PartitionSpec()))
