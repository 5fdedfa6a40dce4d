"""Fitting a line: brute force, least squares, gradient descent and stochastic gradient descent, one answer.

Run:     nnjax run experiments/line_fit.py
Expect:  four solvers agree; brute force needs points^parameters costs; gradient descent converges below the
         learning rate 2/L and diverges above it; rescaling makes the valley of the cost round; seconds.
"""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
import optax

from nnjax import Dataset, Net, Plan, Splits, Task, load, per_example, perceptron, squared_error
from nnjax.data.generated import line
from nnjax.data.scaling import standardise
from nnjax.runner import plots
from nnjax.runner.plots import Curve, Panel, Surface, Way, table_panel
from nnjax.runner.settings import Count, Positive, Seed
from nnjax.runner.shown import Picture, Shown
from nnjax.training import line_fit as lf
from nnjax.training import line_studies as studies
from nnjax.training.fit import fit
from nnjax.training.metrics import r2_score
from nnjax.training.trajectory import trajectories

RATES = {"too small": 0.02, "right": 0.5, "just below the limit": 0.98, "too large": 1.02}  # times 2 / L
MEASURES = ("age", "sex", "body mass", "blood pressure", *(f"blood serum {i}" for i in range(1, 7)))


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        samples: Points through which the line goes.
        noise: How far they lie beside it.
        points: Grid points along each side, for brute force.
        steps: Steps of gradient descent.
        dimensions: Numbers of inputs for which the work is counted.
        epochs: Passes of stochastic gradient descent over the diabetes data.
        seed: Decides the points.
    """

    samples: Count = 60
    noise: Positive = 0.5
    points: Count = 41
    steps: Count = 60
    dimensions: tuple[Count, ...] = (1, 2, 4, 8, 16, 32, 64)
    epochs: Count = 200
    seed: Seed = 0


def solvers(config: Config) -> Shown:
    """Four ways to one minimum, and learning rates on both sides of the limit."""
    data = line(config.samples, config.noise, seed=config.seed)
    x, t, size = data.inputs, data.targets, config.samples
    low, high, start, limit = (-1.0, -1.0), (4.0, 4.0), (-0.5, 3.5), lf.step_limit(x)
    rates = [share * limit for share in RATES.values()]
    ways = lf.descend(x, t, start, config.steps, learning_rate=rates)
    noisy = lf.descend(x, t, start, 20 * size, 1, learning_rate=0.15, decay=0.02)[0]
    cost = lambda parameters: lf.mean_squared_cost(x, t, parameters)
    found = {
        "brute force": lf.brute_force(x, t, low, high, config.points),
        "least squares": lf.least_squares(x, t),
        "gradient descent": lf.descended(x, t, ways[1], size),
        "stochastic": lf.descended(x, t, noisy, 1),
    }
    best, ends = found["least squares"].parameters, np.array([-1.05, 1.05])
    left = dict(zip(RATES, cost(ways) - cost(best), strict=True))
    lines = {name: (ends, s.parameters[0] * ends + s.parameters[1]) for name, s in found.items()}
    tried = lf.grid_points(low, high, config.points, 2)
    descents = [Way("gradient descent", ways[1], 0), Way("stochastic", noisy, 1)]
    three = [Way(name, ways[i], i) for i, name in enumerate(RATES) if i != 2]
    surfaces = [
        Surface("four ways to one minimum", cost, low, high, descents, best, tried),
        Surface("three learning rates", cost, (-3, -1.6), (6.5, 4.2), three, best),
    ]
    curves = [Curve(name, range(len(y)), y + 1e-12, i) for i, (name, y) in enumerate(left.items())]
    panel = Panel("below and above 2/L", "step", "cost − minimum", curves, "y")
    points = plots.fit_figure([("four solvers, one line", x[:, 0], t[:, 0], lines)])
    pictures = {
        "lines": Picture(points, "The lines of the four solvers lie on one another."),
        "surface": Picture(plots.surface_figure(surfaces), SURFACE),
        "learning_rates": Picture(plots.panels_figure([panel], 6.4), LIMIT),
    }
    row = lambda name: {"share_of_limit": RATES[name], "cost_left": left[name][-1] / left[name][0]}
    numbers = {
        "solvers": [{"solver": name, **lf.as_row(solution)} for name, solution in found.items()],
        "largest_curvature": lf.curvatures(x)[-1],
        "learning_rate_limit": limit,
        "learning_rates": [{"learning_rate": name, **row(name)} for name in RATES],
    }
    return Shown(pictures, numbers)


def dimensions(config: Config) -> Shown:
    """What each solver needs as the inputs grow in number."""
    table = studies.work_by_dimension(config.dimensions, seed=config.seed)
    names = {"grid": "brute force", "descent": "gradient descent", "stochastic": "stochastic"}
    columns = lambda what, names: {f"{key}_{what}": name for key, name in names.items()}
    shared = {"logarithmic": "xy", "ticks": [d + 1 for d in config.dimensions]}
    year = {"a year, at 10⁹ a second": 3.15e16}
    evaluations = columns("evaluations", names)
    operations = columns("operations", names | {"least_squares": "least squares"})
    panels = [
        table_panel(
            "passes over the examples", table, "parameters", evaluations, limits=(0.01, 1e18), **shared
        ),
        table_panel(
            "multiply-adds", table, "parameters", operations, limits=(10, 1e21), rules=year, **shared
        ),
    ]
    return Shown({"dimension": Picture(plots.panels_figure(panels), DIMENSION)}, {"dimensions": table})


def rescaling(config: Config) -> Shown:
    """The same line through raw and through standardised inputs."""
    rng = np.random.default_rng(config.seed)
    humidity = rng.uniform(30, 100, (config.samples, 1))
    rain = 0.2 * humidity[:, 0] - 5 + rng.standard_normal(config.samples)
    scaled = standardise(Splits(Dataset(humidity, rain[:, None]))).train.inputs
    surfaces, curves, table = [], [], []
    kinds = {"raw inputs": (humidity, (0.35, -16), (0.5, 20)), "standardised": (scaled, (-8, 8), (12, 12))}
    for index, (name, (x, away, reach)) in enumerate(kinds.items()):
        cost = lambda parameters, x=x: lf.mean_squared_cost(x, rain, parameters)
        best, limit = lf.least_squares(x, rain).parameters, lf.step_limit(x)
        way = lf.descend(x, rain, best + away, config.steps, learning_rate=limit / 2)[0]
        steps = [Way("gradient descent", way, 0)]
        surfaces.append(Surface(name, cost, best - reach, best + reach, steps, best))
        left = (cost(way) - cost(best)) / (cost(way[0]) - cost(best))
        curves.append(Curve(name, range(len(way)), np.maximum(left, 1e-12), index))
        table.append({"inputs": name, **conditions(x), "cost_left": left[-1]})
    panel = Panel("half of the limit, each", "step", "what is left of the excess cost", curves, "y")
    pictures = {
        "rescaling": Picture(plots.surface_figure(surfaces), RESCALING),
        "rescaling_cost": Picture(plots.panels_figure([panel], 6.0), "Half of its own limit for each."),
    }
    return Shown(pictures, {"rescaling": table, "guaranteed_rate": lf.guaranteed_rate(1)})


def conditions(x) -> dict[str, float]:
    """How long the valley is, and how large a step it allows."""
    return {"condition_number": lf.condition_number(x), "learning_rate_limit": lf.step_limit(x)}


def lost_digits(config: Config) -> Shown:
    """QR against the normal equations."""
    table = studies.digits_by_condition(10.0 ** -np.arange(0, 7.6, 0.5), config.samples, config.seed)
    columns = {"qr": "QR", "normal_equations": "normal equations"}
    names = {"xlabel": "condition number of X", "ylabel": "largest error"}
    panel = table_panel("error of the parameters", table, "condition", columns, logarithmic="xy", **names)
    return Shown({"lost_digits": Picture(plots.panels_figure([panel], 6.0), DIGITS)}, {"lost_digits": table})


def degrees(config: Config) -> Shown:
    """Coefficients are fitted on the training part; the degree is chosen on the validation part."""
    rng = np.random.default_rng(config.seed)
    x = rng.uniform(-1, 1, 40)
    y = np.sin(4 * x) + 0.2 * rng.standard_normal(40)
    table = studies.errors_by_degree((x[:20], y[:20]), (x[20:], y[20:]), range(13))
    fits = [row.pop("parameters") for row in table]
    best = min(table, key=lambda row: row["validation"])["degree"]
    across = np.linspace(-1, 1, 200)
    curve = lambda d: {"fitted": (across, lf.with_ones(studies.powers(across, d)) @ fits[d])}
    shown = [(f"degree {d}", x[:20], y[:20], curve(d)) for d in (1, best, 12)]
    columns = {part: part for part in ("training", "validation")}
    names = {"xlabel": "degree (hyperparameter)", "ylabel": "mean squared error"}
    panel = table_panel("grid search over the degree", table, "degree", columns, logarithmic="y", **names)
    pictures = {
        "degrees": Picture(plots.panels_figure([panel], 6.0), DEGREES),
        "polynomials": Picture(plots.fit_figure(shown), "Too few coefficients, enough, and too many."),
    }
    return Shown(pictures, {"degrees": table, "best_degree": best})


def local_minima(config: Config) -> Shown:
    """A wave sin(w x) of unknown frequency: gradient descent stays in the valley in which it starts."""
    x = np.linspace(0, 3, 40)[:, None].astype(np.float32)
    starts = np.arange(0.25, 8.1, 0.5)

    def recipe(h):
        wave = Net(lambda key: {"w": h["start"]}, lambda params, x, **options: jnp.sin(params["w"] * x))
        return Task(wave, per_example(squared_error), optax.sgd(0.02))

    plan = Plan(segments=1500, segment_steps=1, batch_size=40, monitor="train_loss")
    ways = trajectories(recipe, plan, Splits(Dataset(x, np.sin(3 * x))), hyper={"start": starts}).params["w"]
    cost = lambda w: np.square(np.sin(np.multiply.outer(w, x[:, 0])) - np.sin(3 * x[:, 0])).mean(axis=-1)
    table = [{"start": way[0], "end": way[-1], "cost": cost(way[-1])} for way in ways]
    figure = plots.starts_figure(cost, ways, 0, 8.2, "w, in sin(w x)")
    return Shown({"local_minima": Picture(figure, LOCAL)}, {"local_minima": table})


def diabetes(config: Config) -> Shown:
    """442 patients, ten measurements each: the same solvers on real data, before and after rescaling."""
    raw = load("diabetes")
    scaled, t = standardise(Splits(raw)).train, raw.targets[:, 0]
    curves, table, found = [], [], {"least squares": lf.least_squares(scaled.inputs, t).parameters}
    for index, (name, x) in enumerate({"raw inputs": raw.inputs, "standardised": scaled.inputs}.items()):
        way = lf.descend(x, t, np.zeros(11), 5000, learning_rate=lf.step_limit(x) / 2)[0]
        found["gradient descent"] = way[-1]
        costs = lf.mean_squared_cost(x, t, way)
        curves.append(Curve(name, np.arange(1, 5002), costs, index))
        table.append({"inputs": name, **conditions(x), "cost": costs[-1]})
    rate = optax.sgd(optax.cosine_decay_schedule(0.008, config.epochs * len(t)))
    options = {"loss": squared_error, "epochs": config.epochs, "batch_size": 1, "progress": False}
    layer = fit(perceptron(10), scaled, optimizer=rate, **options).member.params["layer_0"]
    found["stochastic"] = np.append(layer["weights"], layer["bias"])
    scores = [
        {
            "solver": name,
            "cost": lf.mean_squared_cost(scaled.inputs, t, p),
            "r2": r2_score(lf.with_ones(scaled.inputs) @ p, t),
            "largest_difference": np.abs(p - found["least squares"]).max(),
        }
        for name, p in found.items()
    ]
    rules = {"least squares": scores[0]["cost"]}
    panel = Panel("gradient descent on diabetes", "step", "cost", curves, "xy", rules=rules)
    weights = plots.coefficients_figure(MEASURES, {name: p[:-1] for name, p in found.items()})
    pictures = {
        "diabetes": Picture(plots.panels_figure([panel], 6.0), DIABETES),
        "diabetes_weights": Picture(weights, "Three solvers, the same weights."),
    }
    return Shown(pictures, {"diabetes": table, "diabetes_solvers": scores})


def show(config: Config) -> Shown:
    """All of it, in the order of the story."""
    story = (solvers, dimensions, rescaling, lost_digits, degrees, local_minima, diabetes)
    parts = [part(config) for part in story]
    return Shown(
        {name: picture for part in parts for name, picture in part.pictures.items()},
        {name: number for part in parts for name, number in part.numbers.items()},
    )


SURFACE = (
    "The cost of every line. Left: brute force tries every dot; gradient descent follows the slope, the "
    "stochastic one the slope at one point at a time. Right: too small a learning rate creeps, a right one "
    "arrives, one above 2/L is thrown out."
)
LIMIT = "Below 2/L the rest of the cost dies away, above it grows; the best rates lie well below."
DIMENSION = (
    "The curse of brute force: with every parameter the grid has eleven times more points. What the others "
    "need grows like a power."
)
RESCALING = (
    "The same line through the same points. Raw inputs make a valley so narrow that a rate which does not "
    "bounce out of it hardly moves along it. After rescaling it is round, and one step arrives."
)
DIGITS = (
    "Two inputs that are nearly one. QR loses as many digits as the condition number has, the normal "
    "equations twice as many: at 1e8 none are left."
)
DEGREES = "The training error falls with every degree; the validation error says where to stop."
LOCAL = "Small signs are starts, large ones ends: only starts near w = 3 find the true frequency."
DIABETES = "Half of the limit on the inputs as they come, and standardised."
