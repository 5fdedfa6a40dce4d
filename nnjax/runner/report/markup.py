"""The few pieces of HTML that a report is made of. All text that comes from a file is escaped here."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from typing import NamedTuple

from nnjax.runner.report.run_files import Picture


class Column(NamedTuple):
    """A column of a table: its heading, and whether it holds numbers (set to the right)."""

    name: str
    numeric: bool = False


def escape(text: object) -> str:
    """The text as it may stand in HTML, in quotes too.

    >>> escape('<b class="x">')
    '&lt;b class=&quot;x&quot;&gt;'
    """
    return html.escape(str(text), quote=True)


def section(title: str, *parts: str) -> str:
    """A section under a heading; nothing where it would be empty."""
    body = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>" if body else ""


def table(columns: Sequence[Column], rows: Sequence[Sequence[object]], foot: Sequence[object] = ()) -> str:
    """A table of escaped text, which scrolls sideways by itself where the page is narrow."""

    def line(cells: Sequence[object], cell: str) -> str:
        return (
            "<tr>"
            + "".join(
                f"<{cell}{' class=n' if column.numeric else ''}>{escape(text)}</{cell}>"
                for column, text in zip(columns, cells, strict=True)
            )
            + "</tr>"
        )

    head = line([column.name for column in columns], "th")
    body = "\n".join(line(row, "td") for row in rows)
    total = f"<tfoot>{line(foot, 'td')}</tfoot>" if foot else ""
    return (
        f'<div class="wide"><table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n{total}</table></div>'
    )


def pairs(items: Sequence[tuple[str, str]], code: bool = False) -> str:
    """Names and their values, one pair a line."""
    if not items:
        return ""
    kind = ' class="code"' if code else ""
    lines = "\n".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in items)
    return f"<dl{kind}>\n{lines}\n</dl>"


def figure(picture: Picture, caption: str) -> str:
    """A picture inside the page itself, with its caption."""
    data = base64.b64encode(picture.data).decode("ascii")
    # Figures are drawn at 150 dots an inch, animations at 100, and a page is read at about 100.
    shrink = 1.5 if picture.kind == "png" else 1.0
    width, height = round(picture.width / shrink), round(picture.height / shrink)
    kind = "wide large" if width > 650 else "wide"  # what is large scrolls on a telephone
    source = f"data:image/{picture.kind};base64,{data}"
    return (
        f'<figure>\n<div class="{kind}"><img src="{source}" alt="{escape(caption)}" '
        f'width="{width}" height="{height}"></div>\n'
        f"<figcaption>{escape(caption)}</figcaption>\n</figure>"
    )


def code(text: str) -> str:
    """Text as it is, in letters of one width."""
    return f"<pre><code>{escape(text)}</code></pre>"
