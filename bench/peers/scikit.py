"""
scikit-learn's MLPClassifier as a contestant. It has no clipping by norm, so its step does less, and its Adam adds epsilon
before the correction of the second moment: its losses differ. partial_fit is one pass over the rows it gets, in order; the pass is timed as a whole.
"""

import time

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from peer import blas_libraries, serve

# Passes per call, so that what partial_fit does once per call counts little; large data speaks for itself.
REPEATS = 8
LARGE = 1 << 20


def build(problem, adam):
    """A classifier at the problem's weights, with a new optimizer."""
    model = MLPClassifier(
        hidden_layer_sizes=tuple(problem.widths[1:-1]),
        activation="relu",
        solver="adam",
        alpha=0.0,
        batch_size=problem.batch_size,
        learning_rate_init=adam["learningRate"],
        beta_1=adam["beta1"],
        beta_2=adam["beta2"],
        epsilon=adam["epsilon"],
        shuffle=False,
    )
    first = problem.rows(0)
    # Makes the tensors; what it learns here is replaced.
    model.partial_fit(problem.x[first], problem.y[first], classes=np.arange(problem.widths[-1]))
    model.coefs_ = [kernel.copy() for kernel, _ in problem.layers]
    model.intercepts_ = [bias.copy() for _, bias in problem.layers]
    del model._optimizer
    return model


current = None


def prepare(problem):
    global current
    settings = problem.settings
    model = build(problem, settings["check"])
    losses = []
    for step in range(settings["checkSteps"]):
        rows = problem.rows(step % problem.batches)
        model.partial_fit(problem.x[rows], problem.y[rows])
        losses.append(float(model.loss_))
    repeats = 1 if problem.x.size > LARGE else REPEATS
    x, y = np.tile(problem.x, (repeats, 1)), np.tile(problem.y, repeats)
    current = (build(problem, settings["timed"]), x, y, repeats * problem.batches)
    return {"losses": losses, "note": "no clipping, other epsilon"}


def run(steps):
    model, x, y, steps_per_pass = current
    micros = []
    for _ in range(max(1, round(steps / steps_per_pass))):
        begin = time.perf_counter_ns()
        model.partial_fit(x, y)
        micros.append((time.perf_counter_ns() - begin) / 1e3 / steps_per_pass)
    return {
        "steps": len(micros) * steps_per_pass,
        "micros": float(np.median(micros)),
        "mean": float(np.mean(micros)),
    }


serve({"version": sklearn.__version__, "blas": blas_libraries()}, prepare, run)
