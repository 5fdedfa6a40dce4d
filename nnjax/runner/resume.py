"""`nnjax resume`: a run that was interrupted goes on where its last checkpoint stands, bit for bit."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.data.checks import check_splits
from nnjax.errors import ConfigError, DamagedError
from nnjax.runner.configure import configure
from nnjax.runner.interrupts import stop_requests
from nnjax.runner.run_folder import CONFIG, JsonLines, find_run, write_json
from nnjax.runner.sameness import environment_differences, training_differences
from nnjax.runner.saved import kept_experiment, read_config
from nnjax.runner.settings import from_json
from nnjax.runner.training_run import Begun, Job, Keeping, carry_out
from nnjax.training.checkpoint import Checkpoint
from nnjax.training.fit import with_layout
from nnjax.training.member import new_member
from nnjax.training.run_lock import lock_run
from nnjax.types import Plan

_log = logging.getLogger("nnjax")


def resume(
    run: str | Path, *, force: bool = False, on_divergence: str | None = None, out: str | Path = "runs"
) -> Path:
    """Goes on with a run to its end: everything it leaves is what it would have left uninterrupted.

    A run that has finished is left as it is, and that is said.

    Args:
        run: A run folder, or an experiment's name for its last run.
        force: Whether to go on although versions, devices or data differ from those of the run; then
            the result may differ from that of an uninterrupted one.
        on_divergence: Another policy from here on; it stays with the run.
        out: Where runs are looked for.

    Returns:
        The run folder.

    Raises:
        ConfigError: There is nothing to go on with, or it would go on otherwise than it began.
        DamagedError: A file of the run is damaged, or no checkpoint is whole. Nothing has been written.
        LockedError: The run is still under way.
    """
    folder = find_run(str(run), str(out))
    described = read_config(folder)
    if "plan" not in described:
        raise ConfigError(f"{folder} is a chapter's run, which is not trained: run it again")
    configure(cores=len(described["devices"]) if on_cpu(described["devices"]) else None)
    with lock_run(folder):
        described = read_config(folder)
        if "finished" in described:
            print(f"{folder} has finished, at {described['finished']}: there is nothing to go on with")
            return folder
        accept(folder, environment_differences(described), force)
        if "population" not in described:
            return go_on(folder, described, force, on_divergence)
        if on_divergence is not None:
            raise ConfigError(f"{folder} is a population's run, in which only the member that diverges stops")
        JsonLines(folder / "timing.jsonl").cut()
        from nnjax.runner.population_run import resume_population

        return resume_population(folder, described)


def go_on(folder: Path, described: dict[str, Any], force: bool, on_divergence: str | None) -> Path:
    """Goes on with a run of one training; this process holds its lock."""
    job = reopen(folder, described, force)
    if on_divergence is not None:
        keeping = dataclasses.replace(job.keeping, on_divergence=on_divergence)
        job = job._replace(keeping=keeping)
        job.remedies()  # raises if this policy cannot work here
        write_json(folder / CONFIG, {**described, "keeping": dataclasses.asdict(keeping)})
    with stop_requests() as asked:
        begun = rewind(job)
        print(f"going on with {folder} from step {int(begun.member.step) if begun else 0}")
        carry_out(job, asked, begun)
    return folder


def reopen(folder: Path, described: Mapping[str, Any], force: bool = False) -> Job:
    """What a run trains, from its folder.

    Raises:
        ConfigError: Plan or data differ from those that the run began with.
        DamagedError: A file of it is damaged.
    """
    experiment, config = kept_experiment(folder, described)
    try:
        saved = from_json(Plan, described["plan"])
        keeping = from_json(Keeping, described.get("keeping", {}))
    except ConfigError as error:
        raise DamagedError(f"{folder / CONFIG} is damaged: {error}") from error
    splits = experiment.data(config)
    check_splits(splits)
    hyper = {name: np.float32(value) for name, value in experiment.hyper(config).items()}
    net = experiment.task(config, hyper).net
    plan = with_layout(experiment.plan(config, splits), net, splits.train, "auto")
    accept(folder, training_differences(described, saved, plan, splits), force)
    able = saved.devices <= jax.local_device_count()
    return Job(experiment, config, saved if able else plan, splits, folder, keeping)


def accept(folder: Path, differences: Sequence[str], force: bool) -> None:
    """Refuses to go on with what would end otherwise than it began; with `force` it only says so."""
    if not differences:
        return
    told = f"{folder} cannot go on as it began: {'; '.join(differences)}"
    if not force:
        raise ConfigError(f"{told}. --force goes on all the same, and may end differently")
    _log.warning("%s", told)


def rewind(job: Job) -> Begun | None:
    """The last state that is whole, with what is written of the run cut back to it; None for the start.

    Raises:
        DamagedError: No state is whole, or its rows are not there. Nothing has been written.
    """
    with job.checkpoints() as checkpoints:
        found = checkpoints.latest(member_like(job))
    metrics = JsonLines(job.folder / "metrics.jsonl")
    begun = None if found is None else read_back(job, found, metrics)
    if begun is None:
        metrics.cut(0)
    samples = JsonLines(job.folder / "samples.jsonl")
    told = [row for row in samples.cut() if found is not None and row["step"] <= int(found.state.step)]
    samples.cut(len(told))
    JsonLines(job.folder / "timing.jsonl").cut()  # its times were spent, so they stay
    return begun


def read_back(job: Job, found: Checkpoint, metrics: JsonLines) -> Begun:
    """A checkpoint as a training to go on with."""
    rows, remedies = found.meta.get("rows"), found.meta.get("remedies")
    seed = getattr(job.config, "seed", 0)
    if not isinstance(rows, int) or not isinstance(remedies, list) or int(found.state.seed) != seed:
        raise DamagedError(f"{job.folder}: the checkpoint of step {found.step} is not that of this run")
    return Begun(found.state, metrics.cut(rows), remedies)


def member_like(job: Job) -> Any:
    """The shapes of the job's state."""
    recipe = job.experiment.recipe(job.config)
    hyper = {name: np.float32(value) for name, value in job.experiment.hyper(job.config).items()}
    return jax.eval_shape(lambda: new_member(recipe, jnp.uint32(0), hyper))


def on_cpu(devices: Sequence[str]) -> bool:
    """Whether a run was on CPU devices, of which any machine can make as many as are wanted."""
    return bool(devices) and all(device.startswith("cpu:") for device in devices)
