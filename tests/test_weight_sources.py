"""The published files: complete, reachable by name, and recognised by their digests."""

from __future__ import annotations

import hashlib

import pytest

from nnjax.data import weight_sources
from nnjax.data.weight_sources import SOURCES, recognise, sources_of
from nnjax.errors import ConfigError
from nnjax.models.weight_names import NETS


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: f"{source.net}-{source.key}")
def test_every_source_says_what_it_is(source) -> None:
    assert source.net in NETS
    assert bool(source.url) != (source.wheel is not None)
    assert source.url.endswith(source.file) or source.wheel is not None
    assert source.licence
    assert source.attribution
    assert source.preprocessing in ("caffe", "torch")
    algorithm, digits = source.digest
    assert set(digits) <= set("0123456789abcdef")
    assert len(digits) in (2 * hashlib.new(algorithm).digest_size, 8)
    assert "Simonyan and Andrew Zisserman" in source.attribution or source.key == "torchvision"


def test_torchvisions_names_end_in_the_first_digits_of_the_digest() -> None:
    for source in SOURCES:
        if source.key == "torchvision":
            assert source.file == f"{source.file.rpartition('-')[0]}-{source.digest[1]}.pth"


def test_a_file_is_recognised_by_its_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"weights"
    digests = (
        ("md5", hashlib.md5(content, usedforsecurity=False).hexdigest()),
        (
            "sha256",
            hashlib.sha256(content).hexdigest()[:8],
        ),
    )
    for digest in digests:
        monkeypatch.setattr(weight_sources, "SOURCES", (*SOURCES[:2], SOURCES[3]._replace(digest=digest)))
        assert recognise(content) == SOURCES[3]._replace(digest=digest)
    assert recognise(b"others") is None


def test_what_is_tried_in_which_order() -> None:
    def keys(*words, **named) -> list[str]:
        return [source.key for source in sources_of(*words, **named)]

    assert keys("vgg16") == ["keras", "wheel"]
    assert keys("vgg16", whole=True) == ["keras-whole", "torchvision"]
    assert keys("alexnet") == keys("alexnet", whole=True) == ["torchvision"]
    assert keys("vgg16", key="torchvision") == ["torchvision"]
    with pytest.raises(
        ConfigError, match=r"no source hub of weights for 'vgg16'; .* keras, wheel, keras-whole"
    ):
        sources_of("vgg16", key="hub")
    with pytest.raises(
        ConfigError, match="no source of weights for 'lenet5'; published weights are known of alexnet"
    ):
        sources_of("lenet5")
