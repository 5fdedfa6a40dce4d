"""nnjax: the classic neural networks, from one neuron to the Transformer, as pure JAX functions.

A network is a pair of pure functions, `init(key) -> params` and `apply(params, x) -> y`; training it
is a pure function too. The public names are resolved when they are first used, so that `import nnjax`
and the command line do not wait for JAX.
"""

from importlib import import_module, metadata

_ROOMS = {
    "nnjax.types": "Net Task Mean Batch Plan Dataset Splits Sequences Standardizer",
    "nnjax.layers.activations": "identity unit_step straight_through sigmoid tanh relu softmax",
    "nnjax.layers.dense": "dense_init dense",
    "nnjax.layers.conv": "conv2d conv2d_init",
    "nnjax.layers.pooling": "max_pool avg_pool global_average_pool",
    "nnjax.layers.normalisation": "local_response_normalisation",
    "nnjax.layers.modules": "Conv Dense MaxPool AvgPool functional",
    "nnjax.layers.dropout": "dropout",
    "nnjax.layers.embedding": "embedding_init embed",
    "nnjax.layers.padding": "true_steps",
    "nnjax.layers.recurrent_cells": "rnn_init rnn_cell lstm_init lstm_cell LSTMState gru_init gru_cell",
    "nnjax.layers.recurrent": "recurrent",
    "nnjax.layers.recurrent_traces": "gate_traces",
    "nnjax.layers.layer_norm": "layer_norm_init layer_norm",
    "nnjax.layers.attention": "attention multi_head_init multi_head_attention",
    "nnjax.layers.augmentation": "Augmentation augment",
    "nnjax.models.perceptron": "perceptron",
    "nnjax.models.mlp": "mlp",
    "nnjax.models.sequence_nets": (
        "sequence_classifier sequence_tagger sequence_start sequence_step sequence_features"
    ),
    "nnjax.models.transformer_blocks": "Blocks",
    "nnjax.models.transformer": "transformer_classifier transformer_translator",
    "nnjax.models.language_model": "language_model",
    "nnjax.models.sampling": "generate recurrent_writer transformer_writer",
    "nnjax.models.lenet": "lenet5",
    "nnjax.models.convnet": "convnet",
    "nnjax.models.alexnet": "alexnet",
    "nnjax.models.vgg16": "vgg16 vgg16_trunk",
    "nnjax.models.encoder_decoder": "encoder_decoder answer",
    "nnjax.models.rescale": "rescale",
    "nnjax.models.augmented": "augmented",
    "nnjax.data.datasets": "load load_splits",
    "nnjax.data.weight_files": "save_weights",
    "nnjax.data.weights": "load_weights",
    "nnjax.data.text": "load_text text_splits",
    "nnjax.data.ngrams": "fit_ngram ngram_nats",
    "nnjax.data.melody": "Melody melody transpose",
    "nnjax.data.notes": "parse_notes",
    "nnjax.data.midi": "read_midi write_midi",
    "nnjax.data.abc_notation": "read_abc",
    "nnjax.data.tunes": "load_tunes split_tunes",
    "nnjax.data.wav": "read_wav write_wav",
    "nnjax.data.mel": "log_mel",
    "nnjax.training.losses": "per_example cross_entropy binary_cross_entropy squared_error perceptron_loss",
    "nnjax.training.sequence_losses": "per_step",
    "nnjax.training.metrics": "accuracy confusion_matrix",
    "nnjax.training.penalties": "l1_penalty l2_penalty",
    "nnjax.training.step": "step",
    "nnjax.training.fit": "fit",
    "nnjax.training.fit_population": "fit_population",
    "nnjax.training.sweep": "grid sample",
    "nnjax.training.evaluate": "evaluate predict",
    "nnjax.runner.configure": "configure",
}
_WHERE = {name: module for module, names in _ROOMS.items() for name in names.split()}

__all__ = sorted(_WHERE)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name == "__version__":
        return metadata.version("nnjax")
    if name not in _WHERE:
        raise AttributeError(f"module 'nnjax' has no attribute {name!r}")
    value = getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
