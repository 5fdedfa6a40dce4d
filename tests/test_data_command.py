from __future__ import annotations

import pytest

from nnjax.data.datasets import names
from nnjax.runner import cli


def test_the_list_has_every_set_and_every_book(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["data", "list"]) == 0
    assert capsys.readouterr().out.split() == [*names(), "tunes", "oneills", "ryans", "airds"]


def test_fetching_says_what_came(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["data", "fetch", "Iris", "tunes"]) == 0
    assert capsys.readouterr().out == "iris: 150 training examples\ntunes: 52 tunes\n"


def test_what_cannot_be_fetched_is_said_before_anything_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["data", "fetch", "iris", "onells"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "no data set is called 'onells'; did you mean oneills?" in err
    assert cli.main(["data", "fetch"]) == 2
    assert "wants the name of a set" in capsys.readouterr().err
    assert cli.main(["data", "drop"]) == 2


def test_a_set_that_is_nowhere_has_the_code_of_data(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("NNJAX_CACHE", "NNJAX_DATA"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("NNJAX_OFFLINE", "1")
    assert cli.main(["data", "fetch", "tiny_shakespeare"]) == 3
    assert "tiny_shakespeare is not on this machine" in capsys.readouterr().err
