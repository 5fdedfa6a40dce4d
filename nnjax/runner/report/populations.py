"""What a report says of a population: its best setting, how the settings compare, and its best members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnjax.runner.plots.populations import metric_text, setting_text, value_text
from nnjax.runner.report.markup import Column, escape, figure, section, table
from nnjax.runner.report.numbers import count, metric
from nnjax.runner.report.run_files import Row, RunFiles

MOST_SETTINGS, MOST_MEMBERS = 12, 10
PICTURES = {
    "population_settings": (
        "Dots are members, lines the 95% intervals of their means. Settings in blue cannot be told from the "
        "best one: the interval of their difference from it, seed by seed, reaches 0."
    ),
    "population_map": (
        "The mean over the members; the darker, the nearer to the best cell of the panel. The best setting "
        "is framed."
    ),
    "population_ribbons": (
        "The mean of each setting over its members, with its 95% interval. A member that has stopped counts "
        "with its last value."
    ),
}


def cards(run: RunFiles) -> list[tuple[str, str, str]]:
    """The few numbers that a reader looks for first: name, value, note."""
    told = run.population
    if not told:
        return []
    best = told["settings"][told["ranking"][0]]
    test, valid, train = (leading(best["scores"], part) for part in ("test_", "valid_", "train_"))
    found = []
    for name in filter(None, (test, valid or train)):
        interval = best["scores"][name]
        note = ", ".join(filter(None, [ends(interval), "best setting" * (len(told["settings"]) > 1)]))
        found.append((metric_text(name).capitalize(), metric(interval["mean"]), note))
    sizes = [(len(told["settings"]), "setting"), (told["seeds"], "seed")]
    sizes += [(told["folds"], "fold")] * (told["folds"] > 1)
    note = " × ".join(f"{size} {word}{'s' * (size != 1)}" for size, word in sizes)
    note += f", {told['diverged']} diverged" * (told["diverged"] > 0)
    return [*found, ("Members", count(told["members"]), note)]


def leading(scores: Mapping[str, Any], part: str) -> str:
    """The score of a part that is named first: the accuracy, or else the loss, or else what there is."""
    names = [name for name in scores if name.startswith(part)]
    return next((name for name in (f"{part}accuracy", f"{part}loss") if name in names), "".join(names[:1]))


def ends(interval: Mapping[str, Any]) -> str:
    """The ends of an interval; of one number there is none."""
    if interval.get("low") is None:
        return "one member" if interval.get("n") == 1 else ""
    return f"[{metric(interval['low'])}, {metric(interval['high'])}]"


def settings_section(run: RunFiles) -> str:
    """Which setting is best, and how sure that is."""
    told = run.population
    if not told or len(told["settings"]) < 2:
        return section("The seeds", *pictures(run)) if told else ""
    best = told["settings"][told["ranking"][0]]
    sign = -1 if told["maximize"] else 1
    others = [row for row in told["settings"] if row is not best]
    alike = sum(not behind(row, told["monitor"], sign) for row in others)
    text = (
        f"The best of {len(told['settings'])} settings by the mean {metric_text(told['monitor'])} is "
        f"<strong>{escape(setting_text(best['values']))}</strong>. {alike} of the other {len(others)} cannot "
        "be told from it."
    )
    hidden = len(told["settings"]) - MOST_SETTINGS
    note = f"Means over {best['members']} members ± half their 95% intervals. The difference is the one from "
    note += f"the best setting, over the same seeds{' and folds' * (told['folds'] > 1)}."
    note += f" The other {hidden} settings are in summary.json." * (hidden > 0)
    return section(
        "Which setting is best",
        f"<p>{text}</p>",
        _settings_table(told),
        f'<p class="note">{escape(note)}</p>',
        *pictures(run),
    )


def behind(row: Row, monitor: str, sign: int) -> bool:
    """Whether a setting is surely worse than the best one, or was not always trained to the end."""
    difference = row["behind_best"].get(monitor) or {}
    low, high = difference.get("low"), difference.get("high")
    return row["diverged"] > 0 or (low is not None and high is not None and min(sign * low, sign * high) > 0)


def _settings_table(told: Mapping[str, Any]) -> str:
    rows = [told["settings"][i] for i in told["ranking"][:MOST_SETTINGS]]
    monitor, scores = told["monitor"], rows[0]["scores"]
    shown = [monitor, leading(scores, "valid_"), leading(scores, "test_")]
    shown = [name for name in dict.fromkeys(shown) if name]
    names = list(rows[0]["values"])
    columns = [Column(name.replace("_", " "), numeric=True) for name in names]
    columns += [Column("diverged", numeric=True)] * (told["diverged"] > 0)
    columns += [Column(metric_text(name), numeric=True) for name in shown]
    columns += [Column(f"difference in {monitor.split('_', 1)[1]}", numeric=True)]
    return table(
        columns,
        [
            [value_text(row["values"][name]) for name in names]
            + [count(row["diverged"])] * (told["diverged"] > 0)
            + [with_half(row["scores"].get(name)) for name in shown]
            + [with_half(row["behind_best"].get(monitor), "+")]
            for row in rows
        ],
    )


def with_half(interval: Mapping[str, Any] | None, sign: str = "") -> str:
    """A mean and half its interval, to four decimals.

    >>> with_half({"mean": 0.97891, "low": 0.97654, "high": 0.98128}), with_half({"mean": 0.5}, "+")
    ('0.9789 ± 0.0024', '+0.5000')
    """
    if not interval:
        return ""
    low, high = interval.get("low"), interval.get("high")
    half = f" ± {(high - low) / 2:.4f}" if low is not None and high is not None else ""
    return f"{interval['mean']:{sign}.4f}{half}".replace("-", "−")


def pictures(run: RunFiles) -> list[str]:
    """The figures of the population."""
    by_name = {picture.name: picture for picture in run.pictures}
    return [figure(by_name[name], caption) for name, caption in PICTURES.items() if name in by_name]


def members_section(run: RunFiles) -> str:
    """The members that are best on what is monitored."""
    told = run.population
    if not told or not run.members:
        return ""
    sign = -1.0 if told["maximize"] else 1.0

    def place(row: Row) -> tuple[bool, bool, float]:
        value = row[told["monitor"]]
        return row["status"] == "diverged", value == "", sign * float(value) if value else 0.0

    rows = sorted(run.members, key=place)[:MOST_MEMBERS]
    swept = list(told["settings"][0]["values"])
    known = ["member", "seed", *(["fold"] if told["folds"] > 1 else []), *swept, "status", "best_step"]
    scores = [name for name in rows[0] if name.startswith(("valid_", "test_"))]
    columns = [Column(name.replace("_", " "), numeric=name != "status") for name in known]
    columns += [Column(metric_text(name), numeric=True) for name in scores]
    cells = [
        [value_text(float(row[name])) if name in swept else row[name] for name in known]
        + [metric(float(row[name])) if row[name] else "" for name in scores]
        for row in rows
    ]
    note = (
        f"The best by {metric_text(told['monitor'])}, with the best parameters of each. The figures below, "
        "nnjax predict and nnjax evaluate use the first. A member must not be chosen by its test score: "
        f"that would be no test any more. All {count(told['members'])} are in members.csv."
    )
    return section("The best members", table(columns, cells), f'<p class="note">{escape(note)}</p>')
