"""A net that augments its inputs: in training only, from its key, with strengths that may be swept."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax.errors import ConfigError
from nnjax.layers.augmentation import Augmentation, augment
from nnjax.models.augmented import augmented
from nnjax.models.mlp import mlp
from nnjax.models.rescale import rescale
from nnjax.training.fit import as_splits, fit_task, plan_for
from nnjax.training.losses import cross_entropy, per_example
from nnjax.types import Net, Task

KEY = jax.random.key(0)
SEES = Net(lambda key: {"w": key}, lambda params, inputs, *, key=None, train=False: (inputs, key, train))
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 5)).astype(np.uint8)


def test_out_of_training_it_is_the_net_itself():
    net = augmented(SEES, Augmentation(rotation=90.0))
    inputs, key, train = net.apply({}, IMAGES, key=KEY)
    assert inputs is IMAGES
    assert key is KEY
    assert train is False
    assert net.init(KEY) == {"w": KEY}


def test_in_training_images_and_net_have_keys_of_their_own():
    strengths = Augmentation(rotation=90.0)
    inputs, key, train = augmented(SEES, strengths).apply({}, IMAGES, key=KEY, train=True)
    first, second = jax.random.split(KEY)
    np.testing.assert_array_equal(inputs, augment(first, IMAGES, strengths))
    assert key == second
    assert train is True


def test_no_key():
    with pytest.raises(ConfigError, match="augmented with train=True wants a key, got None"):
        augmented(SEES, Augmentation()).apply({}, IMAGES, train=True)


def test_strengths_are_hyperparameters_of_a_training():
    """Flipping every image in training teaches the flipped answer; strength 0 teaches the straight one."""
    side = np.zeros((8, 2, 2), np.uint8)
    labels = np.arange(8) % 2
    side[np.arange(8), :, labels] = 255
    splits = as_splits((side, labels))

    def recipe(hyper):
        net = rescale(mlp((4, 2)), scale=1 / 255)
        strengths = Augmentation(horizontal_flip=hyper["flip"], rotation=hyper["rotation"])
        return Task(augmented(net, strengths), per_example(cross_entropy), optax.sgd(1.0))

    plan = plan_for(splits, epochs=20, batch_size=4)
    for flip, wanted in ((0.0, labels), (1.0, 1 - labels)):
        hyper = {"flip": flip, "rotation": 0.0}
        fitted = fit_task(recipe, plan, splits, hyper=hyper, progress=False)
        assert jnp.argmax(fitted.predict(side), axis=1).tolist() == wanted.tolist()
