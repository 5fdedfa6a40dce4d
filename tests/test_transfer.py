"""Style transfer: what is compared, what is refused, and a small one with a net that was never trained."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from nnjax.errors import ConfigError
from nnjax.models.vgg16 import vgg16_trunk
from nnjax.runner.cli import main
from nnjax.runner.style_command import write_picture
from nnjax.style.images import resized
from nnjax.style.settings import Settings
from nnjax.style.transfer import Style, Wanted, finished, in_colours, losses, start_picture, targets, transfer
from nnjax.types import Array

GENERATOR = np.random.default_rng(0)
PHOTO, PAINTING = (GENERATOR.integers(0, 256, shape, np.uint8) for shape in ((40, 56, 3), (48, 48, 3)))
SMALL = Settings(content_layers=("conv1_1",), style_layers=(("conv1_1", 0.25), ("conv1_2", 0.75)))


def see(picture: Array) -> dict[str, Array]:
    """Two layers that need no weights: the picture, and its squares at every second place."""
    return {"conv1_1": picture / 255, "conv1_2": jnp.square(picture[:, ::2, ::2]) / 255**2}


def test_the_photograph_itself_has_no_content_loss_and_the_style_no_style_loss() -> None:
    photo, painting = PHOTO.astype(np.float32), PAINTING.astype(np.float32)
    wanted = targets(see, photo, [Style(painting)], SMALL)
    of = lambda image: losses((image[None], see(jnp.asarray(image)[None])), wanted, SMALL)
    assert float(of(photo)["content"]) == 0
    assert float(of(photo)["style"]) > 0
    own = targets(see, photo, [Style(photo)], SMALL)
    assert float(losses((photo[None], see(jnp.asarray(photo)[None])), own, SMALL)["style"]) < 1e-6
    assert isinstance(wanted, Wanted)


def test_weights_layers_and_styles_add_up() -> None:
    photo = PHOTO.astype(np.float32)
    outputs = (jnp.asarray(photo)[None], see(jnp.asarray(photo)[None]))

    def style(*styles: Style, **how) -> float:
        settings = Settings(content_layers=("conv1_1",), **{"style_layers": SMALL.style_layers, **how})
        return float(losses(outputs, targets(see, photo, styles, settings), settings)["style"])

    a, b = Style(PAINTING.astype(np.float32)), Style(np.zeros((40, 40, 3), np.float32))
    assert style(a, style_weight=20.0) == pytest.approx(2 * style(a, style_weight=10.0), rel=1e-5)
    both = style(a._replace(weight=3), b)
    assert both == pytest.approx(0.75 * style(a) + 0.25 * style(b), rel=1e-5)
    parts = [style(a, style_layers=((name, weight),)) for name, weight in SMALL.style_layers]
    assert style(a) == pytest.approx(sum(parts), rel=1e-5)


def test_a_region_asks_nothing_of_the_rest() -> None:
    photo, left = PHOTO.astype(np.float32), np.zeros((40, 56), np.float32)
    left[:, :28] = 1
    wanted = targets(see, photo, [Style(PAINTING.astype(np.float32), 1.0, left)], SMALL)
    slope = jax.grad(lambda x: losses((x, see(x)), wanted, SMALL)["style"])(jnp.asarray(photo)[None])
    assert np.abs(slope[0, :, :24]).max() > 0
    assert np.abs(slope[0, :, 34:]).max() < 1e-3 * np.abs(slope[0, :, :24]).max()


def test_sizes_keep_proportions_and_colours_are_kept() -> None:
    assert resized(PHOTO.astype(np.float32), 112).shape == (80, 112, 3)
    settings = Settings(colours="luminance")
    photo, styles = in_colours(settings, PHOTO.astype(np.float32), [Style(PAINTING.astype(np.float32))])
    assert np.ptp(photo, axis=2).max() < 1e-3
    assert np.ptp(styles[0].image, axis=2).max() < 1e-3
    painted = finished(settings, PHOTO, photo)
    np.testing.assert_allclose(painted, PHOTO, atol=1)  # its own luminance gives back the photograph
    noise = start_picture(Settings(start="noise"), photo, styles)
    assert noise.shape == photo.shape
    assert 100 < noise.mean() < 155


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({"start": "photo"}, "start wants one of content, noise, style, got 'photo'"),
        ({"content_layers": ("conv9_9",)}, "got conv9_9"),
        ({"size": 64, "sizes": 3}, "sizes 3, size 64"),
        ({"optimizer": "sgd"}, "lbfgs, adam"),
    ],
)
def test_settings_out_of_range_are_refused(how, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        Settings(**how)


def test_images_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"content \[H, W, 3\]"):
        transfer(PHOTO[..., 0], [PAINTING], {})
    with pytest.raises(ConfigError, match="at least one style"):
        transfer(PHOTO, [], {})


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["style", "china", "flower", "-o", str(tmp_path / "out.bmp")]) == 2
    assert "-o wants a .png or .jpg" in capsys.readouterr().err
    assert main(["style", "china", "flower", "-o", str(tmp_path / "no/out.png")]) == 6
    (tmp_path / "broken.png").write_bytes(b"no image")
    assert main(["style", str(tmp_path / "broken.png"), "flower", "-o", str(tmp_path / "out.png")]) == 5
    assert "broken.png" in capsys.readouterr().err


def test_who_is_to_be_named_stands_in_the_file(tmp_path: Path) -> None:
    write_picture(PHOTO, tmp_path / "out.png", "weights: somebody")
    assert Image.open(tmp_path / "out.png").text["Description"] == "weights: somebody"
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_picture_gets_nearer_to_both(optimizer: str) -> None:
    weights = vgg16_trunk().init(jax.random.key(0))
    seen: list[dict] = []
    settings = Settings(size=48, steps=12, optimizer=optimizer, sizes=1, start="noise")
    picture = transfer(
        PHOTO,
        [PAINTING],
        weights,
        settings,
        progress=False,
        on_chunk=lambda p, chunk: seen.extend(chunk.rows),
    )
    assert picture.shape == (34, 48, 3)
    assert seen[-1]["train_loss"] < seen[0]["train_loss"]
