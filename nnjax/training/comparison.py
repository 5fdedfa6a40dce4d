"""What a population tells: the means of its settings, the best one, and how far behind the others are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from nnjax.training.fit_population import FittedPopulation
from nnjax.training.member import DIVERGED
from nnjax.training.population import Entrants
from nnjax.training.statistics import Interval, mean_interval, paired_difference


class Setting(NamedTuple):
    """One setting of the hyperparameters, and what its members say of it.

    Attributes:
        values: Name of each hyperparameter -> its value.
        members: int [P], its members.
        diverged: How many of them diverged; those are in none of the means.
        intervals: Name of a score -> its mean over the members, with its interval.
        behind: Name of a score -> this setting minus the best one, over the pairs of members with the
            same seed and fold.
    """

    values: dict[str, float]
    members: np.ndarray
    diverged: int
    intervals: dict[str, Interval]
    behind: dict[str, Interval]


class Comparison(NamedTuple):
    """What a population tells.

    Attributes:
        settings: In the order in which they were asked for.
        ranking: The settings' positions, best first: by the mean of what the plan monitors. One of
            whose members some diverged comes after all of whom none did.
        best_member: The member that the plan's monitored value calls best, over all settings; None
            where every member diverged in its first segment.
        scores: Name -> [N], each member's score with the parameters that it kept; NaN where it kept none.
    """

    settings: list[Setting]
    ranking: list[int]
    best_member: int | None
    scores: dict[str, np.ndarray]


def compare(
    fitted: FittedPopulation, scores: Mapping[str, Any] | None = None, confidence: float = 0.95
) -> Comparison:
    """Compares the settings of a population.

    Every interval is one for itself: no correction is made for how many settings are compared, and the
    best one is chosen by the numbers that it is then compared by, which favours it. Intervals of folds
    are widened for the training examples that they share, see `mean_interval`.

    Args:
        fitted: The population.
        scores: More scores of every member, name -> [N], such as those of `fitted.evaluate(test)`.
        confidence: Of the intervals, between 0 and 1.
    """
    kept = kept_segments(fitted) >= 0  # a member that kept no parameters has no score, whatever was computed
    more = {name: np.where(kept, values, np.nan) for name, values in (scores or {}).items()}
    every = kept_scores(fitted) | more
    plan, entrants = fitted.plan, fitted.entrants
    ended_well = (fitted.results.status != DIVERGED) & np.isfinite(every[plan.monitor])
    overlap = fold_overlap(entrants)
    settings = [
        Setting(values, ids, int((~ended_well[ids]).sum()), {}, {}) for values, ids in settings_of(entrants)
    ]
    for setting in settings:
        good = setting.members[ended_well[setting.members]]
        if good.size:
            told = {name: values[good] for name, values in every.items() if np.isfinite(values[good]).all()}
            setting.intervals.update({k: mean_interval(v, confidence, overlap) for k, v in told.items()})
    ranking = ranked(settings, plan.monitor, plan.maximize)
    best = settings[ranking[0]]
    for setting in settings:
        after, before = pairs(entrants, setting.members, best.members, ended_well)
        if after.size and setting is not best:
            for name in (name for name in setting.intervals if name in best.intervals):
                difference = paired_difference(every[name][after], every[name][before], confidence, overlap)
                setting.behind[name] = difference
    monitored = every[plan.monitor] * (-1 if plan.maximize else 1)
    order = np.lexsort((np.nan_to_num(monitored, nan=np.inf), ~ended_well))
    known = np.isfinite(monitored[order[0]])
    return Comparison(settings, ranking, int(order[0]) if known else None, every)


def held(fitted: FittedPopulation, name: str, members: np.ndarray) -> np.ndarray:
    """A row entry of some members over the segments, [P, S]; one that has stopped keeps its last value.

    Its parameters change no more, so that is what it scores from then on; a mean over those alone that
    still run would be one over other members at every segment. NaN where a member never finished one.
    """
    history = fitted.results.history[name][members]
    last = fitted.results.step[members] // fitted.plan.segment_steps - 1
    segment = np.minimum(np.arange(history.shape[1]), np.maximum(last, 0)[:, None])
    return np.take_along_axis(history, segment, 1)


def surely_worse(setting: Setting, name: str, maximize: bool = False) -> bool:
    """Whether the interval of a setting's difference from the best one lies on the worse side of 0.

    A setting of which a member diverged is worse, too.
    """
    behind = setting.behind.get(name)
    if behind is None:
        return setting.diverged > 0
    return setting.diverged > 0 or (behind.high < 0 if maximize else behind.low > 0)


def settings_of(entrants: Entrants) -> list[tuple[dict[str, float], np.ndarray]]:
    """The settings in the order of their first member: values by name, and the members [P]."""
    names = list(entrants.hyper)
    columns = [np.asarray(entrants.hyper[name], np.float32) for name in names]
    groups: dict[tuple[np.float32, ...], list[int]] = {}
    for member in range(len(entrants.seeds)):
        groups.setdefault(tuple(column[member] for column in columns), []).append(member)
    return [
        ({name: float(str(value)) for name, value in zip(names, values, strict=True)}, np.array(members))
        for values, members in groups.items()
    ]


def kept_segments(fitted: FittedPopulation) -> np.ndarray:
    """The segment whose parameters each member kept, [N]: its best one where there is a validation part,
    else its last; -1 where it diverged before it kept any."""
    judged = any(name.startswith("valid_") for name in fitted.results.history)
    step = fitted.results.best_step if judged else fitted.results.step
    return step // fitted.plan.segment_steps - 1


def kept_scores(fitted: FittedPopulation) -> dict[str, np.ndarray]:
    """The row of each member's kept segment: name -> [N], those of the validation part first."""
    segment = kept_segments(fitted)
    names = sorted(fitted.results.history, key=lambda name: not name.startswith("valid_"))
    chosen = {
        name: np.take_along_axis(fitted.results.history[name], np.maximum(segment, 0)[:, None], 1)[:, 0]
        for name in names
    }
    return {name: np.where(segment >= 0, values, np.nan) for name, values in chosen.items()}


def fold_overlap(entrants: Entrants) -> float:
    """The overlap of `mean_interval` for k folds, 1 / (k - 1); 0 without folds."""
    folds = int(entrants.folds.max()) + 1
    return 1 / (folds - 1) if folds > 1 else 0.0


def ranked(settings: list[Setting], monitor: str, maximize: bool) -> list[int]:
    """The settings' positions, best first; of equal ones the first."""
    sign = -1 if maximize else 1

    def place(i: int) -> tuple[bool, bool, float, int]:
        found = settings[i].intervals.get(monitor)
        return settings[i].diverged > 0, found is None, sign * found.mean if found else 0.0, i

    return sorted(range(len(settings)), key=place)


def pairs(
    entrants: Entrants, after: np.ndarray, before: np.ndarray, good: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The members of two settings that have seed and fold in common, where both are `good` [N]."""
    known = {(entrants.seeds[i], entrants.folds[i]): i for i in before if good[i]}
    found = [(i, known.get((entrants.seeds[i], entrants.folds[i]))) for i in after if good[i]]
    both = np.array([pair for pair in found if pair[1] is not None], int).reshape(-1, 2)
    return both[:, 0], both[:, 1]
