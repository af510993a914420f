"""Golden values by PyTorch, for the tests of the kernels, losses, optimizers and training.

Run:    python3 test/golden/make.py          (Debian: python3-torch 1.13, python3-numpy 1.24, python3-sklearn 1.2)
Writes: test/golden/values/*.json, which are committed: running the tests needs no Python.

Everything is computed in float64. Inputs are multiples of 1/256 (or powers of two), so they are the same numbers in
float32 and float64, and short in decimal. Results are stored with 10 significant digits: more than float32 holds.
Matrices are flat and row-major; a kernel is [inputs x outputs], the transpose of torch's Linear.weight.
"""

import json
import math
from pathlib import Path

import numpy as np
import sklearn.metrics as sk
import torch
import torch.nn.functional as F

VALUES = Path(__file__).parent / "values"
torch.set_default_dtype(torch.float64)
random = np.random.default_rng(1853)


# --- inputs and storage -----------------------------------------------------------------------------------------------


def grid(*shape, scale=1.0):
    """Normal numbers rounded to multiples of 1/256: exact in float32."""
    return torch.tensor(np.round(random.normal(size=shape) * scale * 256) / 256)


def exact(values):
    """Given numbers; refuses any that float32 cannot hold."""
    values = np.asarray(values, dtype=np.float64)
    assert np.array_equal(values, values.astype(np.float32).astype(np.float64)), values
    return torch.tensor(values)


def leaf(tensor):
    return tensor.clone().requires_grad_(True)


def flat(tensor):
    return [short(float(v)) for v in tensor.detach().flatten().tolist()]


def short(value):
    is_input = (value * 2**20).is_integer() and abs(value) < 2**10
    rounded = value if is_input else float(f"{value:.10g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def save(name, value):
    """One line for each number list, so that a changed value shows in a diff as one line."""

    def lines(v, indent):
        pad = "  " * (indent + 1)
        if isinstance(v, dict):
            body = (f"{pad}{json.dumps(k)}: {lines(x, indent + 1)}" for k, x in v.items())
            return "{\n" + ",\n".join(body) + "\n" + "  " * indent + "}"
        if isinstance(v, list) and v and isinstance(v[0], (dict, list)):
            return "[\n" + ",\n".join(pad + lines(x, indent + 1) for x in v) + "\n" + "  " * indent + "]"
        return json.dumps(v, allow_nan=False, separators=(",", ":"))

    (VALUES / f"{name}.json").write_text(lines(value, 0) + "\n")


# --- layers -----------------------------------------------------------------------------------------------------------


def dense():
    rows, inputs, outputs = 5, 7, 4
    x, kernel, bias = leaf(grid(rows, inputs)), leaf(grid(inputs, outputs)), leaf(grid(outputs))
    dy = grid(rows, outputs)
    y = F.linear(x, kernel.T, bias)
    y.backward(dy)
    save("dense", {
        "rows": rows, "inputs": inputs, "outputs": outputs,
        "x": flat(x), "kernel": flat(kernel), "bias": flat(bias), "dy": flat(dy),
        "y": flat(y), "dx": flat(x.grad), "dkernel": flat(kernel.grad), "dbias": flat(bias.grad),
    })


def activations():
    x0 = exact([0, 2**-20, -(2**-20), 2**-10, -(2**-10), 0.125, -0.125, 0.5, -0.5, 1, -1, 1.75, -1.75, 3, -3,
                5.5, -5.5, 10, -10, 30, -30, 80, -80])
    dy = grid(len(x0))
    functions = [
        ("linear", 0, lambda x, a: x * 1),
        ("relu", 0, lambda x, a: F.relu(x)),
        ("leakyRelu", 0.01, F.leaky_relu),
        ("leakyRelu", 0.2, F.leaky_relu),
        ("elu", 1, F.elu),
        ("elu", 0.5, F.elu),
        ("selu", 0, lambda x, a: F.selu(x)),
        ("gelu", 0, lambda x, a: F.gelu(x)),  # x Phi(x), Phi by erf
        ("sigmoid", 0, lambda x, a: torch.sigmoid(x)),
        ("tanh", 0, lambda x, a: torch.tanh(x)),
        # torch goes over to the identity above a threshold (20); moved away, so that this is log(1 + e^x) throughout.
        ("softplus", 0, lambda x, a: F.softplus(x, threshold=500)),
    ]
    cases = []
    for kind, alpha, function in functions:
        x = leaf(x0)
        y = function(x, alpha)
        y.backward(dy)
        cases.append({"kind": kind, "alpha": alpha, "y": flat(y), "dx": flat(x.grad)})
    save("activations", {"x": flat(x0), "dy": flat(dy), "cases": cases})


def prelu():
    rows, cols = 5, 7
    x0 = grid(rows, cols)
    x0[1, 2] = 0  # torch: slope * dy at 0
    x, slopes, dy = leaf(x0), leaf(exact([0.25, 0, -0.5, 1, 0.0625, 2, 0.75])), grid(rows, cols)
    y = F.prelu(x, slopes)
    y.backward(dy)
    save("prelu", {
        "rows": rows, "cols": cols, "x": flat(x), "slopes": flat(slopes), "dy": flat(dy),
        "y": flat(y), "dx": flat(x.grad), "dslopes": flat(slopes.grad),
    })


def residual():
    """y = shortcut(x) + dense2(relu(dense1(x))); the shortcut is x, or x Ws (no bias) where the widths differ."""
    cases = []
    for rows, inputs, hidden, outputs in [(5, 7, 4, 7), (5, 7, 6, 3)]:
        x, dy = leaf(grid(rows, inputs)), grid(rows, outputs)
        parameters = {
            "kernel1": leaf(grid(inputs, hidden)), "bias1": leaf(grid(hidden)),
            "kernel2": leaf(grid(hidden, outputs)), "bias2": leaf(grid(outputs)),
        }
        if inputs != outputs:
            parameters["shortcut"] = leaf(grid(inputs, outputs))
        p = parameters
        branch = F.relu(x @ p["kernel1"] + p["bias1"]) @ p["kernel2"] + p["bias2"]
        y = (x if inputs == outputs else x @ p["shortcut"]) + branch
        y.backward(dy)
        cases.append({
            "rows": rows, "inputs": inputs, "hidden": hidden, "outputs": outputs,
            "x": flat(x), "dy": flat(dy), "y": flat(y), "dx": flat(x.grad),
            "parameters": {name: flat(v) for name, v in p.items()},
            "gradients": {name: flat(v.grad) for name, v in p.items()},
        })
    save("residual", cases)


def layers():
    import layers as shaped

    for name, case in shaped.cases(grid, leaf, flat).items():
        save(f"layer-{name}", case)


# --- losses and metrics -----------------------------------------------------------------------------------------------


def losses():
    """sum = sum over rows of weight * (loss of the row), not divided by anything; gradient = d sum / d outputs."""
    rows, cols = 6, 5
    weights = exact([1, 0.5, 2, 0, 1.25, 1])
    logits = grid(rows, cols, scale=2)
    logits[4] = exact([30, -30, 80, -80, 0])  # stable only if shifted by the maximum of the row
    labels = torch.tensor([0, 4, 2, 1, 1, 3])
    soft = exact([
        [8, 0, 0, 0, 0], [1, 2, 3, 1, 1], [0, 4, 4, 0, 0],
        [2, 2, 2, 1, 1], [0, 1, 6, 1, 0], [0, 0, 0, 7, 1],
    ]) / 8
    binary = exact([
        [1, 0, 0, 1, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1],
        [0.5, 0, 1, 0.25, 0], [0, 0, 1, 1, 0.75], [1, 0, 1, 0, 1],
    ])
    predicted, wanted = grid(rows, cols), grid(rows, cols)
    predicted[0, 0] = wanted[0, 0]  # |0|: torch's derivative there is 0

    def entropy(targets, smoothing):
        return lambda o: F.cross_entropy(o, targets, reduction="none", label_smoothing=smoothing)

    def binary_entropy(smoothing):
        targets = binary * (1 - smoothing) + smoothing / 2
        return lambda o: F.binary_cross_entropy_with_logits(o, targets, reduction="none").mean(1)

    def difference(function, **options):
        return lambda o: function(o, wanted, reduction="none", **options).mean(1)

    def binary_focal(gamma, alpha):  # torchvision.ops.sigmoid_focal_loss, for hard targets
        def row_loss(o):
            p = torch.sigmoid(o)
            entropy = F.binary_cross_entropy_with_logits(o, hard, reduction="none")
            right = p * hard + (1 - p) * (1 - hard)
            return ((alpha * hard + (1 - alpha) * (1 - hard)) * entropy * (1 - right) ** gamma).mean(1)
        return row_loss

    def sparse_focal(gamma):
        def row_loss(o):
            log_p = F.log_softmax(o, 1).gather(1, labels[:, None])[:, 0]
            return -((1 - log_p.exp()) ** gamma) * log_p
        return row_loss

    def divergence(o):
        return F.kl_div(F.log_softmax(o, 1), soft, reduction="none").sum(1)

    def cosine(o):
        return 1 - F.cosine_similarity(o, wanted, dim=1)

    def hinge(o):
        return torch.clamp(1 - (2 * hard - 1) * o, min=0).mean(1)

    hard = (binary > 0.5).double()
    # Drawn apart, so that the values of what follows stay.
    mild = exact(np.round(np.random.default_rng(2017).normal(size=(rows, cols)) * 512) / 256)
    cases = []
    for kind, parameter, outputs0, targets, row_loss, *second in [
        ("sparseCategoricalCrossentropy", 0, logits, labels, entropy(labels, 0.0)),
        ("sparseCategoricalCrossentropy", 0.1, logits, labels, entropy(labels, 0.1)),
        ("categoricalCrossentropy", 0, logits, soft, entropy(soft, 0.0)),
        ("categoricalCrossentropy", 0.1, logits, soft, entropy(soft, 0.1)),
        ("binaryCrossentropy", 0, logits, binary, binary_entropy(0)),
        ("binaryCrossentropy", 0.1, logits, binary, binary_entropy(0.1)),
        ("meanSquaredError", 0, predicted, wanted, difference(F.mse_loss)),
        ("meanAbsoluteError", 0, predicted, wanted, difference(F.l1_loss)),
        ("huber", 1, predicted, wanted, difference(F.huber_loss, delta=1.0)),
        ("huber", 0.5, predicted, wanted, difference(F.huber_loss, delta=0.5)),
        ("binaryFocalCrossentropy", 2, mild, hard, binary_focal(2, 0.25), 0.25),
        ("binaryFocalCrossentropy", 1.5, mild, hard, binary_focal(1.5, 0.5), 0.5),
        ("sparseCategoricalFocalCrossentropy", 2, mild, labels, sparse_focal(2)),
        ("hinge", 0, mild, hard, hinge),
        ("klDivergence", 0, logits, soft, divergence),
        ("cosineDistance", 0, predicted, wanted, cosine),
    ]:
        outputs = leaf(outputs0)
        total = (weights * row_loss(outputs)).sum()
        total.backward()
        cases.append({
            "kind": kind, "parameter": parameter, **({"second": second[0]} if second else {}), "outputs": flat(outputs), "targets": flat(targets),
            "sum": short(total.item()), "gradient": flat(outputs.grad),
        })
    save("losses", {"rows": rows, "cols": cols, "weights": flat(weights), "cases": cases})


def metrics():
    rows, classes = 9, 5
    logits, labels = grid(rows, classes).numpy(), np.array([0, 4, 2, 1, 1, 3, 0, 2, 4])
    order = np.argsort(-logits, axis=1, kind="stable")  # best class first
    accuracy = np.mean(order[:, 0] == labels)
    top3 = np.mean((order[:, :3] == labels[:, None]).any(axis=1))
    wanted = grid(rows).numpy()
    predicted = wanted + grid(rows, scale=0.5).numpy()
    mae = np.abs(predicted - wanted).mean()
    r2 = 1 - ((wanted - predicted) ** 2).sum() / ((wanted - wanted.mean()) ** 2).sum()
    # Whole numbers: some of the scores tie.
    scores, hits = np.array([3, 1, -2, 0.5, 1, -4, 2, -1, 1, -0.5, 5, -3]), np.array([1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 1])
    probability = torch.softmax(torch.tensor(logits), 1).numpy()
    predicted_class = order[:, 0]

    def scored(function, **options):
        return [short(float(function(labels, predicted_class, average=a, zero_division=0, **options)))
                for a in ("macro", "weighted", "micro")]

    save("class-metrics", {
        "rows": rows, "classes": classes, "outputs": flat(torch.tensor(logits)), "labels": labels.tolist(),
        "precision": scored(sk.precision_score), "recall": scored(sk.recall_score), "f1": scored(sk.f1_score),
        "auc": short(sk.roc_auc_score(labels, probability, multi_class="ovr", average="macro")),
        "perplexity": short(math.exp(sk.log_loss(labels, probability))),
        "confusion": sk.confusion_matrix(labels, predicted_class).flatten().tolist(),
        "binary": {
            "rows": len(hits), "outputs": scores.tolist(), "labels": hits.tolist(),
            "precision": short(sk.precision_score(hits, scores > 0)), "recall": short(sk.recall_score(hits, scores > 0)),
            "f1": short(sk.f1_score(hits, scores > 0)), "auc": short(sk.roc_auc_score(hits, scores)),
        },
    })
    save("metrics", {
        "classification": {
            "rows": rows, "classes": classes, "outputs": flat(torch.tensor(logits)), "labels": labels.tolist(),
            "accuracy": short(accuracy), "top3Accuracy": short(top3),
        },
        "regression": {
            "rows": rows, "outputs": flat(torch.tensor(predicted)), "targets": flat(torch.tensor(wanted)),
            "meanAbsoluteError": short(mae), "r2": short(r2),
        },
    })


# --- optimizers -------------------------------------------------------------------------------------------------------

STEPS, COUNT = 20, 13

# Name -> our configuration; `torch_optimizer` says what each field is called there.
OPTIMIZERS = {
    "sgd": {"type": "sgd", "learningRate": 0.01, "momentum": 0, "nesterov": False, "weightDecay": 0},
    "sgd-momentum": {"type": "sgd", "learningRate": 0.01, "momentum": 0.9, "nesterov": False, "weightDecay": 0},
    "sgd-nesterov": {"type": "sgd", "learningRate": 0.01, "momentum": 0.9, "nesterov": True, "weightDecay": 0},
    "sgd-decay": {"type": "sgd", "learningRate": 0.01, "momentum": 0.9, "nesterov": False, "weightDecay": 0.01},
    "adam": {"type": "adam", "learningRate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 0},
    "adam-decay": {
        "type": "adam", "learningRate": 0.01, "beta1": 0.9,
        "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 0.01,
    },
    "adamw": {
        "type": "adamw", "learningRate": 0.01, "beta1": 0.9,
        "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 0.01,
    },
    "rmsprop": {"type": "rmsprop", "learningRate": 0.01, "rho": 0.9, "epsilon": 1e-7, "momentum": 0, "weightDecay": 0},
    "rmsprop-momentum": {
        "type": "rmsprop", "learningRate": 0.01, "rho": 0.9,
        "epsilon": 1e-7, "momentum": 0.9, "weightDecay": 0.01,
    },
    "adagrad": {"type": "adagrad", "learningRate": 0.01, "epsilon": 1e-10, "initialAccumulator": 0, "weightDecay": 0},
    "adagrad-initial": {
        "type": "adagrad", "learningRate": 0.01, "epsilon": 1e-10,
        "initialAccumulator": 0.5, "weightDecay": 0.01,
    },
}


def torch_optimizer(c, parameters):
    lr, decay = c["learningRate"], c["weightDecay"]
    if c["type"] == "sgd":
        return torch.optim.SGD(parameters, lr, momentum=c["momentum"], nesterov=c["nesterov"], weight_decay=decay)
    if c["type"] in ("adam", "adamw"):
        kind = torch.optim.Adam if c["type"] == "adam" else torch.optim.AdamW
        return kind(parameters, lr, betas=(c["beta1"], c["beta2"]), eps=c["epsilon"], weight_decay=decay)
    if c["type"] == "rmsprop":
        return torch.optim.RMSprop(
            parameters, lr, alpha=c["rho"], eps=c["epsilon"], momentum=c["momentum"], weight_decay=decay,
        )
    initial = c["initialAccumulator"]
    return torch.optim.Adagrad(parameters, lr, eps=c["epsilon"], initial_accumulator_value=initial, weight_decay=decay)


def optimizers():
    initial = grid(COUNT)
    initial[3] = 0  # starts from nothing: shows the relative error of the update itself
    gradients = grid(STEPS, COUNT)
    gradients[:, 0] = 0  # never a gradient: Adam must not divide 0 by 0
    gradients[:, 1] *= 2**-12
    gradients[:, 2] *= 2**6
    gradients[:, 3] = gradients[:, 3].abs()
    save("optimizer-inputs", {"initial": flat(initial), "gradients": [flat(g) for g in gradients]})
    for name, config in OPTIMIZERS.items():
        parameters = trajectory(config, initial, gradients, torch.float64)
        save(f"optimizer-{name}", {"config": config, "parameters": [flat(p) for p in parameters]})
        # The tests ask 1e-6 of the largest value a parameter has had so far (relative error has no meaning where one
        # crosses 0). torch's own float32 meets it, so it is a fair demand.
        largest = torch.cummax(torch.stack([initial, *parameters]).abs(), 0).values[1:]
        error = (torch.stack(trajectory(config, initial, gradients, torch.float32)) - torch.stack(parameters)).abs()
        assert (error <= 1e-6 * largest).all(), name


def trajectory(config, initial, gradients, dtype):
    parameter = leaf(initial.to(dtype))
    optimizer = torch_optimizer(config, [parameter])
    steps = []
    for gradient in gradients:
        parameter.grad = gradient.to(dtype).clone()
        optimizer.step()
        steps.append(parameter.detach().clone())
    return steps


# --- a whole training -------------------------------------------------------------------------------------------------


def training():
    """6-9(relu)-5(tanh)-3, mean softmax cross-entropy, clip_grad_norm_ 1.0, Adam 1e-2; batch t % 4 at step t."""
    widths, rows, batches = [6, 9, 5, 3], 8, 4
    x = grid(batches, rows, widths[0])
    labels = torch.tensor(random.integers(0, widths[-1], size=(batches, rows)))
    initial = {}
    for i, (a, b) in enumerate(zip(widths, widths[1:]), start=1):
        initial[f"kernel{i}"], initial[f"bias{i}"] = grid(a, b, scale=math.sqrt(2 / a)), grid(b, scale=0.25)
    p = {name: leaf(v) for name, v in initial.items()}
    optimizer = torch.optim.Adam(list(p.values()), 1e-2)
    loss_of_step, norm_of_step = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        hidden = F.relu(x[step % batches] @ p["kernel1"] + p["bias1"])
        hidden = torch.tanh(hidden @ p["kernel2"] + p["bias2"])
        loss = F.cross_entropy(hidden @ p["kernel3"] + p["bias3"], labels[step % batches])
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(list(p.values()), 1.0)  # gradient *= min(1, 1 / (norm + 1e-6))
        optimizer.step()
        loss_of_step.append(short(loss.item()))
        norm_of_step.append(short(norm.item()))
    assert min(norm_of_step) < 1 < max(norm_of_step), "clipping must both act and rest"
    save("training", {
        "widths": widths, "rows": rows,
        "optimizer": OPTIMIZERS["adam"], "maxNorm": 1,
        "batches": [{"x": flat(x[b]), "labels": labels[b].tolist()} for b in range(batches)],
        "initial": {name: flat(v) for name, v in initial.items()},
        "loss": loss_of_step, "gradNormBeforeClip": norm_of_step,
        "final": {name: flat(v) for name, v in p.items()},
    })


if __name__ == "__main__":
    VALUES.mkdir(exist_ok=True)
    for make in (dense, activations, prelu, residual, losses, metrics, optimizers, training, layers):
        make()
