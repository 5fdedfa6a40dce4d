"""The pieces of HTML: what comes from a file stays text, pictures survive as they are."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

from nnjax.runner.report.markup import Column, code, figure, pairs, section, table
from nnjax.runner.report.run_files import Picture

NASTY = """</td><script>alert("1")</script> & 'x' <!--"""


class Tags(HTMLParser):
    """The tags and the text of some HTML."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def test_text_stays_text_in_every_piece():
    picture = Picture("x", "", b"png", 3, 3)
    pieces = [
        section(NASTY, code(NASTY)),
        table([Column(NASTY)], [(NASTY,)], (NASTY,)),
        pairs([(NASTY, NASTY)]),
        figure(picture, NASTY),
    ]
    for piece in pieces:
        parsed = Tags(piece)
        assert "script" not in parsed.tags
        assert NASTY in parsed.text


def test_an_empty_section_is_no_section():
    assert section("Title", "", "") == ""
    assert pairs([]) == ""


def test_numbers_are_set_to_the_right_and_words_are_not():
    page = table([Column("layer"), Column("parameters", numeric=True)], [("dense", "4,160")], ("total", "9"))
    assert re.findall(r"<t[hd] class=n>([^<]*)", page) == ["parameters", "4,160", "9"]
    assert re.findall(r"<t[hd]>([^<]*)", page) == ["layer", "dense", "total"]


def test_a_picture_is_the_file_itself_at_a_hundred_dots_an_inch():
    png = bytes(range(256))
    page = figure(Picture("x", "", png, 1320, 465), "words")
    assert base64.b64decode(re.search(r"base64,([^\"]+)", page).group(1)) == png
    assert 'width="880" height="310"' in page
