"""The sections of a report, each made from what the run folder holds, or empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnjax.runner.plots import best_row
from nnjax.runner.report import populations
from nnjax.runner.report.markup import Column, code, escape, figure, pairs, section, table
from nnjax.runner.report.numbers import count, measured, memory, metric, moment, seconds, setting
from nnjax.runner.report.run_files import Picture, Row, RunFiles

CURVES, CONFUSION, MISTAKES = "learning_curves", "confusion_matrix", "mistakes"
KNOWN = {
    CURVES: ("How it learned", "Every metric over the training."),
    CONFUSION: (
        "What it confuses",
        "Rows are the true classes, columns what the net said. The shade grows with the share of the row: "
        "blue what is right, vermillion what is wrong.",
    ),
    MISTAKES: (
        "Where it is most wrong",
        "The mistakes that the net was surest of, with the probability it gave to what it said.",
    ),
}
PHASES = {"compile": "compiling", "train": "training", "evaluate": "evaluating", "save": "saving"}


def header(run: RunFiles) -> str:
    """The title, the purpose in one line, and when and from which seed it ran."""
    config = run.config
    facts = [moment(str(config["started"]))] if config.get("started") else []
    facts += [f"seed {setting(config['seed'])}"] if config.get("seed") is not None else []
    facts += [f"commit {str(config['git_commit'])[:10]}"] if config.get("git_commit") else []
    purpose = f'<p class="purpose">{escape(config["purpose"])}</p>' if config.get("purpose") else ""
    when = f'<p class="facts">{escape(" · ".join(facts))}</p>' if facts else ""
    return f"<header>\n<h1>{escape(config.get('name') or 'A run')}</h1>\n{purpose}\n{when}\n</header>"


def headline(run: RunFiles) -> str:
    """The few numbers that a reader looks for first."""
    cards = [*populations.cards(run), _test_card(run), _valid_card(run)]
    if run.layers and not run.population:
        parameters, products = (
            sum(row[name] for row in run.layers) for name in ("parameters", "multiply_adds")
        )
        cards.append(("Parameters", count(parameters), f"{count(products)} multiply-adds"))
    if run.timing:
        spent = _spent(run.timing)
        compiling = f"{seconds(spent['compile'])} of it compiling" if spent.get("compile") else ""
        cards.append(("Time", seconds(sum(spent.values())), compiling))
    shown = "\n".join(
        f'<div class="card"><span>{escape(name)}</span><strong>{escape(value)}</strong>'
        f"<small>{escape(note)}</small></div>"
        for name, value, note in filter(None, cards)
    )
    return f'<div class="cards">\n{shown}\n</div>' if shown else ""


def _leading(row: Mapping[str, Any], part: str) -> str:
    """The metric that is named first: the accuracy, or else the loss, or else what there is."""
    names = [
        key.removeprefix(part) for key, value in row.items() if key.startswith(part) and value is not None
    ]
    return next((name for name in ("accuracy", "loss") if name in names), names[0] if names else "")


def _test_card(run: RunFiles) -> tuple[str, str, str] | None:
    test = run.test or {}
    name = _leading(test, "test_")
    if not name:
        return None
    notes = [
        f"{key.removeprefix('test_').replace('_', ' ')} {metric(value)}"
        for key, value in test.items()
        if key.startswith("test_") and key != f"test_{name}" and value is not None
    ]
    data = run.config.get("data")
    examples = data.get("test") if isinstance(data, dict) else None
    if isinstance(examples, int) and examples > 0:
        notes.append(f"{count(examples)} examples")
    return f"Test {name.replace('_', ' ')}", metric(test[f"test_{name}"]), ", ".join(notes)


def _valid_card(run: RunFiles) -> tuple[str, str, str] | None:
    best = best_row(run.rows, **monitoring(run))
    name = _leading(best or {}, "valid_")
    if best is None or not name:
        return None
    unit = "epoch" if "epoch" in best else "step"
    return (
        f"Best validation {name.replace('_', ' ')}",
        metric(best[f"valid_{name}"]),
        f"{unit} {best[unit]:g}",
    )


def monitoring(run: RunFiles) -> dict[str, Any]:
    """What the plan calls best, as `best_row` and `learning_curves` take it."""
    plan = run.config.get("plan")
    plan = plan if isinstance(plan, dict) else {}
    return {
        "monitor": str(plan.get("monitor", "valid_loss")),
        "maximize": bool(plan.get("maximize", False)),
        "min_delta": float(plan.get("min_delta") or 0.0),
    }


def notice(run: RunFiles) -> str:
    """What is missing from this page, if anything is."""
    if not run.missing:
        return ""
    items = "\n".join(f"<li>{escape(item)}</li>" for item in run.missing)
    return f"<aside>\n<p>Not in this run folder, or not yet:</p>\n<ul>\n{items}\n</ul>\n</aside>"


def pictures(run: RunFiles, curves: Picture | None) -> str:
    """The figures: the curves, the confusion, the mistakes, then whatever else there is."""
    by_name = {picture.name: picture for picture in [*([curves] if curves else []), *run.pictures]}
    marked = " The dot marks the best on validation." if best_row(run.rows, **monitoring(run)) else ""
    known = [
        section(title, figure(by_name[name], by_name[name].caption or caption + marked * (name == CURVES)))
        for name, (title, caption) in KNOWN.items()
        if name in by_name
    ]
    others = [
        figure(picture, picture.caption or picture.name.replace("_", " ").replace("-", " ").capitalize())
        for name, picture in by_name.items()
        if name not in KNOWN and name not in populations.PICTURES
    ]
    title = "What it shows" if run.config.get("chapter") else "More figures"
    return "\n".join([*known, section(title, *others)])


def numbers(run: RunFiles) -> str:
    """What a chapter measured: names with their values, and its tables."""
    tables = {name: value for name, value in run.numbers.items() if is_table(value)}
    single = [(_words(name), measured(value)) for name, value in run.numbers.items() if name not in tables]
    shown = [f"<h3>{escape(_words(name))}</h3>\n{_rows_table(rows)}" for name, rows in tables.items()]
    return section("The numbers", pairs(single), *shown)


def is_table(value: Any) -> bool:
    """Whether a number of a chapter is a list of equal objects."""
    return bool(value) and isinstance(value, list) and all(isinstance(row, dict) for row in value)


def _rows_table(rows: list[Row]) -> str:
    names = list(dict.fromkeys(key for row in rows for key in row))

    def numeric(name: str) -> bool:
        values = [row.get(name) for row in rows]
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)

    columns = [Column(_words(name), numeric(name)) for name in names]
    return table(columns, [[measured(row.get(name)) for name in names] for row in rows])


def _words(name: str) -> str:
    return name.replace("_", " ")


def network(run: RunFiles) -> str:
    """The summary table: a row a layer, and the totals."""
    columns = [
        Column("layer"),
        Column("weights"),
        Column("output"),
        Column("parameters", numeric=True),
        Column("multiply-adds", numeric=True),
        Column("memory", numeric=True),
    ]
    rows = [
        (
            row.get("layer", ""),
            row.get("weights", ""),
            row.get("output", ""),
            count(row["parameters"]),
            count(row["multiply_adds"]),
            memory(row["bytes"]),
        )
        for row in run.layers
    ]
    if not rows:
        return ""
    parameters, products, size = (
        sum(row[name] for row in run.layers) for name in ("parameters", "multiply_adds", "bytes")
    )
    foot = ("total", "", "", count(parameters), count(products), memory(size))
    note = '<p class="note">Outputs and multiply-adds are those of one example, forward.</p>'
    return section("The network", table(columns, rows, foot), note)


def settings(run: RunFiles) -> str:
    """What the experiment was asked for, how it was trained, and on what."""
    groups = []
    keys = {"Experiment": "config", "Training": "plan", "Population": "population", "Data": "data"}
    for title, key in keys.items():
        values = run.config.get(key)
        if key == "config" and isinstance(values, dict):
            values = values | dict.fromkeys((run.config.get("population") or {}).get("sweep") or {}, "swept")
        if isinstance(values, dict) and values:
            items = pairs([(str(name), setting(value)) for name, value in values.items()], code=True)
            groups.append(f"<div>\n<h3>{title}</h3>\n{items}\n</div>")
    return section("Settings", _columns(groups))


def _spent(timing: list[Row]) -> dict[str, float]:
    """Seconds by event, the known ones first and in their order."""
    spent = dict.fromkeys(PHASES, 0.0)
    for row in timing:
        spent[row["event"]] = spent.get(row["event"], 0.0) + row["seconds"]
    return {event: time for event, time in spent.items() if any(row["event"] == event for row in timing)}


def time(run: RunFiles) -> str:
    """Where the time went: a bar, and its numbers."""
    spent = _spent(run.timing)
    total = sum(spent.values())
    if not spent or set(spent) == {"show"}:  # a chapter's time is one number, which stands above
        return ""
    rows = []
    for event, took in spent.items():
        steps, examples = (
            sum(row.get(name) or 0 for row in run.timing if row["event"] == event)
            for name in ("steps", "examples")
        )
        share = f"{took / total:.1%}" if total else ""
        rate = count(examples / took) if examples and took else ""
        rows.append(
            (
                PHASES.get(event, event),
                seconds(took),
                share,
                count(steps) if steps and event == "train" else "",
                rate,
            )
        )
    bar = "".join(
        f'<i class="phase{min(index, 5)}" style="flex-grow:{took / total:.5f}"></i>'
        for index, took in enumerate(spent.values())
        if total and took
    )
    columns = [Column("phase")] + [
        Column(name, numeric=True) for name in ("time", "share", "steps", "examples/s")
    ]
    foot = ("total", seconds(total), "", "", "")
    return section("Where the time went", f'<div class="bar">{bar}</div>', table(columns, rows, foot))


def environment(run: RunFiles) -> str:
    """The machine and the versions that the numbers were made with."""
    config = run.config
    names = ("platform", "processor", "devices", "python", "git_commit")
    machine = [(name.removeprefix("git_"), setting(config[name])) for name in names if name in config]
    versions = config.get("versions")
    libraries = versions.items() if isinstance(versions, dict) else []
    groups = [pairs(machine), pairs([(str(name), setting(version)) for name, version in libraries])]
    return section("Environment", _columns([f"<div>{group}</div>" for group in groups if group]))


def _columns(groups: list[str]) -> str:
    return '<div class="columns">\n' + "\n".join(groups) + "\n</div>" if groups else ""


def again(run: RunFiles) -> str:
    """How to repeat the run, and the source it was made from."""
    command = code(str(run.config["command"])) if run.config.get("command") else ""
    name = escape(run.config.get("experiment") or "experiment.py")
    source = f"<details>\n<summary>{name}</summary>\n{code(run.source)}\n</details>" if run.source else ""
    return section("Run it again", command, source)
