"""The figures of a population's run: its settings, their seeds, and what the best member does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnjax.runner.experiment_module import Experiment
from nnjax.runner.figures import draw_figures
from nnjax.runner.population_members import member_fitted, position
from nnjax.runner.run_folder import write_json
from nnjax.training.comparison import Comparison, fold_overlap, held, surely_worse
from nnjax.training.fit_population import FittedPopulation
from nnjax.training.member import DIVERGED
from nnjax.types import Splits

MOST_CELLS = 400  # of a heat map: more numbers are not read


def draw_population(
    experiment: Experiment,
    config: Any,
    fitted: FittedPopulation,
    compared: Comparison,
    sweep: Mapping[str, tuple[float, ...]],
    splits: Splits,
    size: int,
    folder: Path,
) -> None:
    """Draws population_ribbons, population_settings and population_map into `folder/figures/`, as far as
    they apply, and the figures that a run of the best member alone has.

    Args:
        experiment: The experiment; its `figures` are drawn for the best member.
        config: Its settings.
        fitted: The population.
        compared: Its settings.
        sweep: The swept settings with their values.
        splits: The data.
        size: Examples of the training part of each member.
        folder: The run folder.
    """
    from nnjax.runner import plots

    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    drawn = {
        "population_ribbons": ribbons(fitted, compared, tuple(sweep), size),
        "population_settings": intervals(compared, fitted, tuple(sweep)),
        "population_map": heat_map(compared, fitted, sweep),
    }
    for name, figure in drawn.items():
        if figure is not None:
            plots.save(figure, figures / f"{name}.png")
    if compared.best_member is None:
        return
    best = member_fitted(fitted, compared.best_member, size)
    draw_figures(experiment, config, best, splits, folder)
    captions = figures / "captions.json"
    told = json.loads(captions.read_text(encoding="utf-8")) if captions.is_file() else {}
    said = f"Member {compared.best_member}, the best on validation"
    curves = {"learning_curves": f"{said}: every metric over its training. The dot marks its best epoch."}
    write_json(captions, curves | told)


def judged(fitted: FittedPopulation) -> list[str]:
    """The row entries that settings are compared by: what is monitored, then the others of the same part."""
    monitor = fitted.plan.monitor
    part = monitor.split("_")[0] + "_"
    return [monitor, *(name for name in fitted.results.history if name.startswith(part) and name != monitor)]


def ribbons(fitted: FittedPopulation, compared: Comparison, swept: tuple[str, ...], size: int) -> Any:
    """The course of the settings, best first; members that diverged are in none of them."""
    from nnjax.runner.plots.populations import ribbons_figure, setting_text

    groups = {}
    for i in compared.ranking:
        setting = compared.settings[i]
        well = setting.members[fitted.results.status[setting.members] != DIVERGED]
        if well.size:
            name = setting_text({name: setting.values[name] for name in swept}) or "all members"
            groups[name] = well
    if not groups:
        return None
    longest = int(fitted.results.step.max()) // fitted.plan.segment_steps
    x = [position(fitted.plan, size, segment)["epoch"] for segment in range(longest)]
    panels = {
        name: {label: held(fitted, name, well)[:, :longest] for label, well in groups.items()}
        for name in judged(fitted)
    }
    return ribbons_figure(x, panels, overlap=fold_overlap(fitted.entrants))


def intervals(compared: Comparison, fitted: FittedPopulation, swept: tuple[str, ...]) -> Any:
    """The settings, sorted; None where there is only one."""
    from nnjax.runner.plots.populations import SettingRow, intervals_figure, setting_text

    rows = []
    for i in compared.ranking:
        setting = compared.settings[i]
        worse = surely_worse(setting, fitted.plan.monitor, fitted.plan.maximize)
        text = setting_text({name: setting.values[name] for name in swept})
        text += f" ({setting.diverged} diverged)" if setting.diverged else ""
        members = {name: values[setting.members] for name, values in compared.scores.items()}
        rows.append(SettingRow(text, setting.intervals, members, worse))
    return intervals_figure(rows, judged(fitted)) if len(rows) > 1 else None


def heat_map(compared: Comparison, fitted: FittedPopulation, sweep: Mapping[str, tuple[float, ...]]) -> Any:
    """The mean of every pair of the two longest swept axes, the others at the best setting's values."""
    from nnjax.runner.plots.populations import Axis, heat_figure

    axes = sorted((name for name in sweep if len(sweep[name]) > 1), key=lambda name: -len(sweep[name]))
    if len(axes) < 2 or len(sweep[axes[0]]) * len(sweep[axes[1]]) > MOST_CELLS:
        return None
    columns, rows = Axis(axes[0], sweep[axes[0]]), Axis(axes[1], sweep[axes[1]])
    best = compared.settings[compared.ranking[0]].values
    cells = {name: np.full((len(rows.values), len(columns.values)), np.nan) for name in judged(fitted)}
    for setting in compared.settings:
        if any(setting.values[name] != best[name] for name in sweep if name not in axes[:2]):
            continue
        place = (
            rows.values.index(setting.values[rows.name]),
            columns.values.index(setting.values[columns.name]),
        )
        for name, values in cells.items():
            if name in setting.intervals:
                values[place] = setting.intervals[name].mean
    frame = (rows.values.index(best[rows.name]), columns.values.index(best[columns.name]))
    return heat_figure(cells, rows, columns, frame)
