"""`nnjax run --all-chapters`: every chapter in one folder, and one page that leads to all of them."""

from __future__ import annotations

import datetime
import io
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from nnjax.errors import EXIT_OK, ConfigError, StorageError
from nnjax.runner.cli import report_error
from nnjax.runner.experiment import run_experiment
from nnjax.runner.listing import Listed, experiments
from nnjax.runner.report.markup import escape, figure, section
from nnjax.runner.report.run_files import Picture, read_run
from nnjax.runner.run_folder import STAMP, fresh_folder

THUMBNAIL = 900  # pixels: two on the width of a page


class Done(NamedTuple):
    """One chapter that has been run.

    Attributes:
        listed: Its name and its purpose.
        folder: Its run folder, or None.
        code: EXIT_OK, or the exit code of what went wrong.
    """

    listed: Listed
    folder: Path | None
    code: int


def run_all_chapters(out: str | Path = "runs") -> int:
    """Runs every experiment that has a `show`, and writes `out/chapters-TIMESTAMP/index.html`.

    A chapter that fails does not keep the others from running.

    Args:
        out: Where runs go; those of the chapters go into the folder of the page, so that it can be moved.

    Returns:
        The exit code: EXIT_OK, or that of the first chapter that failed.

    Raises:
        ConfigError: There is no chapter.
    """
    listed = [item for item in experiments() if item.chapter]
    if not listed:
        raise ConfigError("there are no chapters here; `nnjax list` shows what there is")
    folder = fresh_folder(Path(out) / f"chapters-{datetime.datetime.now():{STAMP}}")
    done = [run_one(item, folder) for item in listed]
    page = folder / "index.html"
    try:
        page.write_text(index_page(done, folder), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"cannot write {page}: {error.strerror or error}") from error
    print(f"all chapters: {page}")
    return next((one.code for one in done if one.code != EXIT_OK), EXIT_OK)


def run_one(item: Listed, folder: Path) -> Done:
    """One chapter with its own settings; what goes wrong is said, and goes no further."""
    try:
        return Done(item, run_experiment(item.path, (), folder), EXIT_OK)
    except Exception as error:
        return Done(item, None, report_error(error))


def index_page(done: list[Done], folder: Path) -> str:
    """The page: each chapter's purpose, its first picture, and the way to its report."""
    style = files("nnjax.runner.report").joinpath("page.css").read_text(encoding="utf-8")
    entries = [entry(one, folder) for one in done]
    purpose = f"How a network learns, in {len(done)} parts: pictures and numbers."
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Chapters · nnjax</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        "<header>\n<h1>Chapters</h1>\n"
        f'<p class="purpose">{purpose}</p>\n</header>\n'
        + "\n".join(entries)
        + "\n</main>\n</body>\n</html>\n"
    )


def entry(one: Done, folder: Path) -> str:
    """One chapter on the page."""
    title = one.listed.name.replace("_", " ").capitalize()
    if one.folder is None:
        return section(
            title, f"<p>{escape(one.listed.purpose)}</p>", "<p>It failed; the command said why.</p>"
        )
    report = escape((one.folder / "report.html").relative_to(folder).as_posix())
    link = f'<p><a href="{report}">{escape(one.listed.purpose)}</a></p>'
    first = next(iter(read_run(one.folder).pictures), None)
    return section(title, link, figure(thumbnail(first), first.caption) if first else "")


def thumbnail(picture: Picture) -> Picture:
    """The picture, or its first frame, as a PNG of at most THUMBNAIL pixels in width."""
    from PIL import Image

    image = io.BytesIO()
    with Image.open(io.BytesIO(picture.data)) as opened:
        small = opened.convert("RGB")
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    small.quantize(64).save(image, format="PNG", optimize=True)
    return Picture(picture.name, picture.caption, image.getvalue(), *small.size)
