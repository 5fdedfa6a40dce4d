"""The public names of nnjax, spelled out for editors and type checkers."""

from nnjax.data.datasets import load as load
from nnjax.data.datasets import load_splits as load_splits
from nnjax.layers.activations import identity as identity
from nnjax.layers.activations import relu as relu
from nnjax.layers.activations import sigmoid as sigmoid
from nnjax.layers.activations import softmax as softmax
from nnjax.layers.activations import straight_through as straight_through
from nnjax.layers.activations import tanh as tanh
from nnjax.layers.activations import unit_step as unit_step
from nnjax.layers.augmentation import Augmentation as Augmentation
from nnjax.layers.augmentation import augment as augment
from nnjax.layers.dense import dense as dense
from nnjax.layers.dense import dense_init as dense_init
from nnjax.layers.dropout import dropout as dropout
from nnjax.models.augmented import augmented as augmented
from nnjax.models.mlp import mlp as mlp
from nnjax.models.perceptron import perceptron as perceptron
from nnjax.models.rescale import rescale as rescale
from nnjax.runner.configure import configure as configure
from nnjax.training.evaluate import evaluate as evaluate
from nnjax.training.evaluate import predict as predict
from nnjax.training.fit import fit as fit
from nnjax.training.fit_population import fit_population as fit_population
from nnjax.training.losses import binary_cross_entropy as binary_cross_entropy
from nnjax.training.losses import cross_entropy as cross_entropy
from nnjax.training.losses import per_example as per_example
from nnjax.training.losses import perceptron_loss as perceptron_loss
from nnjax.training.losses import squared_error as squared_error
from nnjax.training.metrics import accuracy as accuracy
from nnjax.training.metrics import confusion_matrix as confusion_matrix
from nnjax.training.penalties import l1_penalty as l1_penalty
from nnjax.training.penalties import l2_penalty as l2_penalty
from nnjax.training.step import step as step
from nnjax.training.sweep import grid as grid
from nnjax.training.sweep import sample as sample
from nnjax.types import Batch as Batch
from nnjax.types import Dataset as Dataset
from nnjax.types import Mean as Mean
from nnjax.types import Net as Net
from nnjax.types import Plan as Plan
from nnjax.types import Sequences as Sequences
from nnjax.types import Splits as Splits
from nnjax.types import Standardizer as Standardizer
from nnjax.types import Task as Task

__version__: str
