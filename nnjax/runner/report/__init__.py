"""The report of a run: one file that opens offline, made from whatever the run folder holds."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from nnjax.errors import StorageError
from nnjax.runner.report import populations, sections
from nnjax.runner.report.markup import escape
from nnjax.runner.report.run_files import Picture, RunFiles, read_run


def write_report(folder: str | Path) -> Path:
    """Writes `report.html` into a run folder, from its other files alone.

    The page holds its pictures and its style itself and runs no scripts, so it can be sent by mail.
    It can be made while a run is still going, or from what a killed run left: it says what is missing.
    The same folder gives the same page, bit for bit.

    Args:
        folder: The run folder: config.json, metrics.jsonl, summary.json, timing.jsonl, experiment.py,
            numbers.json, figures/NAME.png or .gif and figures/captions.json (name to caption), or any part
            of these.

    Returns:
        The path of the page.

    Raises:
        ConfigError: If there is no such folder.
        DamagedError: If a file in it is damaged; the message names it.
        StorageError: If a file cannot be read, or the page cannot be written.
    """
    folder = Path(folder)
    page = report_page(read_run(folder))
    path, part = folder / "report.html", folder / f".report.html.{os.getpid()}.part"
    try:
        part.write_text(page, encoding="utf-8")
        part.replace(path)  # whoever looks sees the old page or the new one, never half of one
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def report_page(run: RunFiles) -> str:
    """The whole page as text."""
    style = files("nnjax.runner.report").joinpath("page.css").read_text(encoding="utf-8")
    body = [
        sections.header(run),
        sections.headline(run),
        sections.notice(run),
        populations.settings_section(run),
        populations.members_section(run),
        sections.pictures(run, _curves(run)),
        sections.numbers(run),
        sections.network(run),
        sections.settings(run),
        sections.time(run),
        sections.environment(run),
        sections.again(run),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        # No scripts, and nothing from anywhere else, whatever a file of the run may hold.
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(run.config.get('name') or 'A run')} · nnjax</title>\n"
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n" + "\n".join(filter(None, body)) + "\n</main>\n"
        "</body>\n</html>\n"
    )


def _curves(run: RunFiles) -> Picture | None:
    """The learning curves from the rows, where the run has not drawn them itself."""
    drawn = any(picture.name == sections.CURVES for picture in run.pictures)
    metrics = any(key.startswith(("train_", "valid_")) for row in run.rows for key in row)
    if drawn or not metrics:
        return None
    from nnjax.runner import plots

    figure = plots.learning_curves(run.rows, **sections.monitoring(run))
    width, height = (round(inches * figure.dpi) for inches in figure.get_size_inches())
    return Picture(sections.CURVES, "", plots.png(figure), width, height)
