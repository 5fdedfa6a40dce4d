"""The figures of a run: how it learned and, for a classifier, what it confuses and where it is most wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from nnjax.runner.answers import answers
from nnjax.runner.experiment_module import Experiment
from nnjax.runner.run_folder import write_json
from nnjax.training.fit import Fitted
from nnjax.types import Dataset, Splits


def draw_figures(experiment: Experiment, config: Any, fitted: Fitted, splits: Splits, folder: Path) -> None:
    """Draws into `folder/figures/`: learning_curves, confusion_matrix and mistakes, as far as they apply,
    and what the experiment draws itself.

    Args:
        experiment: Its `figures`, where it has them, get (config, fitted, splits, the figures' folder).
        config: Its settings.
        fitted: The training.
        splits: The data; mistakes are those of the test part or, where there is none, of the validation part.
        folder: The run folder.
    """
    from nnjax.runner import plots

    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    plan = fitted.plan
    curves = plots.learning_curves(
        fitted.rows, monitor=plan.monitor, maximize=plan.maximize, min_delta=plan.min_delta
    )
    plots.save(curves, figures / "learning_curves.png")
    part = splits.test or splits.valid
    if part is not None and is_labelled(part):
        _draw_answers(fitted, part, splits, figures)
    if experiment.figures is not None:
        write_json(figures / "captions.json", experiment.figures(config, fitted, splits, figures) or {})


def is_labelled(part: Dataset) -> bool:
    """Whether the targets are labels [N]."""
    return isinstance(part.targets, np.ndarray) and part.targets.ndim == 1 and part.targets.dtype.kind in "iu"


def _draw_answers(fitted: Fitted, part: Dataset, splits: Splits, figures: Path) -> None:
    from nnjax.runner import plots
    from nnjax.training.metrics import confusion_matrix

    said = answers(fitted.predict(part.inputs), len(part.classes))
    if said is None:
        return
    count = said.probabilities.shape[1]
    matrix = np.asarray(confusion_matrix(jnp.asarray(part.targets), jnp.asarray(said.labels), count))
    plots.save(plots.confusion_figure(matrix, part.classes), figures / "confusion_matrix.png")
    images = as_images(part, splits)
    if images is not None:
        gallery = plots.mistakes_gallery(images, part.targets, said.labels, said.probabilities, part.classes)
        plots.save(gallery, figures / "mistakes.png")


def as_images(part: Dataset, splits: Splits) -> Any:
    """The inputs before any standardisation, [N, H, W] or [N, H, W, C]; None if they are no images."""
    inputs = part.inputs
    if not isinstance(inputs, np.ndarray) or inputs.ndim not in (3, 4):
        return None
    if inputs.ndim == 4 and inputs.shape[-1] not in (1, 3):
        return None
    return inputs if splits.scaler is None else inputs * splits.scaler.std + splits.scaler.mean
