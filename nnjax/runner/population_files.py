"""What a population's run folder tells of its members: members.csv, metrics.jsonl and summary.json."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nnjax.errors import StorageError
from nnjax.runner.plots.populations import metric_text, setting_text
from nnjax.runner.population_members import position
from nnjax.training.comparison import Comparison, fold_overlap, held, kept_segments
from nnjax.training.fit_population import FittedPopulation
from nnjax.training.member import DIVERGED, FINISHED, RUNNING, STOPPED
from nnjax.training.statistics import Interval, mean_intervals

STATUS = {RUNNING: "running", STOPPED: "stopped", DIVERGED: "diverged", FINISHED: "finished"}


def write_members(path: Path, fitted: FittedPopulation, compared: Comparison, swept: tuple[str, ...]) -> None:
    """Writes members.csv: a row a member, in the order of setting, seed and fold.

    Raises:
        StorageError: It cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    results, entrants = fitted.results, fitted.entrants
    writer.writerow(
        ["member", "setting", "seed", "fold", *swept, "status", "steps", "best_step", *compared.scores]
    )
    kept = kept_segments(fitted)
    for setting, found in enumerate(compared.settings):
        for i in found.members:
            step = max(0, int(kept[i]) + 1) * fitted.plan.segment_steps
            writer.writerow(
                [i, setting, entrants.seeds[i], entrants.folds[i], *(found.values[name] for name in swept)]
                + [STATUS[int(results.status[i])], results.step[i], step]
                + [_cell(values[i]) for values in compared.scores.values()]
            )
    try:
        path.write_text(text.getvalue(), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


def setting_rows(fitted: FittedPopulation, compared: Comparison, size: int) -> Iterator[dict[str, Any]]:
    """The rows of metrics.jsonl: for every segment one for each setting that still has a running member.

    NAME is the mean over the members, NAME_low and NAME_high its 95% interval. A member that has stopped
    counts with its last value; one that diverged, at whatever segment, does not count at all.

    Args:
        fitted: The population.
        compared: Its settings.
        size: Examples of the training part.
    """
    plan, overlap = fitted.plan, fold_overlap(fitted.entrants)
    trained = fitted.results.step // plan.segment_steps
    groups = []
    for setting in compared.settings:
        well = setting.members[fitted.results.status[setting.members] != DIVERGED]
        told = {}
        if well.size:
            told = {
                name: mean_intervals(held(fitted, name, well), overlap=overlap)
                for name in fitted.results.history
            }
        groups.append((well, told))
    for segment in range(plan.segments):
        for setting, (well, told) in enumerate(groups):
            running = int((trained[well] > segment).sum())
            if running:
                row = {
                    **position(plan, size, segment),
                    "setting": setting,
                    "members": len(well),
                    "running": running,
                }
                for name, (mean, low, high) in told.items():
                    row |= {name: _short(mean[segment])}
                    row |= {f"{name}_low": _short(low[segment]), f"{name}_high": _short(high[segment])}
                yield row


def summary(fitted: FittedPopulation, compared: Comparison, swept: tuple[str, ...]) -> dict[str, Any]:
    """What summary.json says of a population, under "population"."""
    plan = fitted.plan
    told = [
        {
            "setting": i,
            "values": {name: setting.values[name] for name in swept},
            "members": len(setting.members),
            "diverged": setting.diverged,
            "scores": {name: _interval(found) for name, found in setting.intervals.items()},
            "behind_best": {name: _interval(found) for name, found in setting.behind.items()},
        }
        for i, setting in enumerate(compared.settings)
    ]
    return {
        "members": len(fitted.entrants.seeds),
        "seeds": len(np.unique(fitted.entrants.seeds)),
        "folds": int(fitted.entrants.folds.max()) + 1,
        "diverged": int((fitted.results.status == DIVERGED).sum()),
        "monitor": plan.monitor,
        "maximize": plan.maximize,
        "confidence": 0.95,
        "best_member": compared.best_member,
        "ranking": compared.ranking,
        "settings": told,
    }


def said(name: str, fitted: FittedPopulation, compared: Comparison, swept: tuple[str, ...]) -> str:
    """The result in two lines."""
    best = compared.settings[compared.ranking[0]]
    counts = f"{len(fitted.entrants.seeds)} members, {len(compared.settings)} settings"
    leading = [name for name in best.intervals if not name.startswith("train_")] or list(best.intervals)
    scores = [f"  {metric_text(name)} {interval_text(best.intervals[name])}" for name in leading]
    setting = setting_text({name: best.values[name] for name in swept}) or "all members"
    return "\n".join([f"{name}: {counts}; best setting: {setting}", *scores])


def interval_text(found: Interval) -> str:
    """A mean with its interval, as one says it.

    >>> interval_text(Interval(0.97891, 0.97654, 0.98128, 8))
    '0.9789 [0.9765, 0.9813]'
    >>> interval_text(Interval(0.5, -np.inf, np.inf, 1))
    '0.5000'
    """
    ends = f" [{found.low:.4f}, {found.high:.4f}]" if np.isfinite(found.low) else ""
    return f"{found.mean:.4f}{ends}"


def _interval(found: Interval) -> dict[str, Any]:
    return {
        "mean": _short(found.mean),
        "low": _short(found.low),
        "high": _short(found.high),
        "n": found.count,
    }


def _short(value: Any) -> float | None:
    """Seven digits, which is what float32 tells; None for what is not finite."""
    return float(f"{value:.7g}") if np.isfinite(value) else None


def _cell(value: Any) -> str:
    """The shortest text that reads back as the same float32; nothing for what is not finite."""
    return str(np.float32(value)) if np.isfinite(value) else ""
