"""Figures in one style, from plain arrays and rows: each function returns a figure to save or show.

>>> from nnjax.runner import plots
>>> figure = plots.learning_curves([{"epoch": 1, "train_loss": 2.0}, {"epoch": 2, "train_loss": 1.0}])
>>> plots.save(figure, "curves.png")  # doctest: +SKIP
"""

from nnjax.runner.plots.agreement import agreement_figure as agreement_figure
from nnjax.runner.plots.animation import gif as gif
from nnjax.runner.plots.augmentation import augmentation_sheet as augmentation_sheet
from nnjax.runner.plots.classification import confusion_figure as confusion_figure
from nnjax.runner.plots.code import code_figure as code_figure
from nnjax.runner.plots.code import source as source
from nnjax.runner.plots.convolution import Grid as Grid
from nnjax.runner.plots.convolution import convolution_gif as convolution_gif
from nnjax.runner.plots.convolution import grids_figure as grids_figure
from nnjax.runner.plots.convolution import matrix_figure as matrix_figure
from nnjax.runner.plots.curves import best_row as best_row
from nnjax.runner.plots.curves import learning_curves as learning_curves
from nnjax.runner.plots.fits import coefficients_figure as coefficients_figure
from nnjax.runner.plots.fits import fit_figure as fit_figure
from nnjax.runner.plots.fits import starts_figure as starts_figure
from nnjax.runner.plots.functions import activations_figure as activations_figure
from nnjax.runner.plots.gains import gains_figure as gains_figure
from nnjax.runner.plots.hidden import hidden_space as hidden_space
from nnjax.runner.plots.hidden import hidden_space_gif as hidden_space_gif
from nnjax.runner.plots.lines import LinePath as LinePath
from nnjax.runner.plots.lines import line_gif as line_gif
from nnjax.runner.plots.lines import line_strip as line_strip
from nnjax.runner.plots.matrices import Matrix as Matrix
from nnjax.runner.plots.matrices import formula as formula
from nnjax.runner.plots.matrices import layers_formula as layers_formula
from nnjax.runner.plots.network import draw_network as draw_network
from nnjax.runner.plots.network import network_figure as network_figure
from nnjax.runner.plots.neuron import neuron_figure as neuron_figure
from nnjax.runner.plots.panels import Curve as Curve
from nnjax.runner.plots.panels import Panel as Panel
from nnjax.runner.plots.panels import draw_panel as draw_panel
from nnjax.runner.plots.panels import panels_figure as panels_figure
from nnjax.runner.plots.panels import table_panel as table_panel
from nnjax.runner.plots.passes import Signal as Signal
from nnjax.runner.plots.passes import draw_signal as draw_signal
from nnjax.runner.plots.passes import signal_figure as signal_figure
from nnjax.runner.plots.passes import signal_gif as signal_gif
from nnjax.runner.plots.passes import signals as signals
from nnjax.runner.plots.pictures import image_grid as image_grid
from nnjax.runner.plots.pictures import mistakes_gallery as mistakes_gallery
from nnjax.runner.plots.populations import heat_figure as heat_figure
from nnjax.runner.plots.populations import intervals_figure as intervals_figure
from nnjax.runner.plots.populations import ribbons_figure as ribbons_figure
from nnjax.runner.plots.probabilities import logistic_figure as logistic_figure
from nnjax.runner.plots.probabilities import softmax_figure as softmax_figure
from nnjax.runner.plots.regions import decision_regions as decision_regions
from nnjax.runner.plots.regions import draw_regions as draw_regions
from nnjax.runner.plots.responses import responses_figure as responses_figure
from nnjax.runner.plots.shares import share_curves as share_curves
from nnjax.runner.plots.style import figure_style as figure_style
from nnjax.runner.plots.style import label_lines as label_lines
from nnjax.runner.plots.style import look as look
from nnjax.runner.plots.style import new_figure as new_figure
from nnjax.runner.plots.style import png as png
from nnjax.runner.plots.style import save as save
from nnjax.runner.plots.surfaces import Surface as Surface
from nnjax.runner.plots.surfaces import Way as Way
from nnjax.runner.plots.surfaces import draw_surface as draw_surface
from nnjax.runner.plots.surfaces import race_gif as race_gif
from nnjax.runner.plots.surfaces import surface_figure as surface_figure
