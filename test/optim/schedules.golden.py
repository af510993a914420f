"""Learning rates by torch.optim.lr_scheduler, for schedules.test.ts and plateau.test.ts.

    python3 test/optim/schedules.golden.py > test/optim/schedules.golden.json && npx prettier --write test/optim/schedules.golden.json

The tests read the JSON and need no Python.
"""

import json
import warnings

import torch
from torch.optim import SGD
from torch.optim import lr_scheduler as lr

warnings.simplefilter("ignore")


def optimizer(base):
    return SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)


def rates(base, make, count):
    opt = optimizer(base)
    scheduler = make(opt)
    out = []
    for _ in range(count):
        out.append(opt.param_groups[0]["lr"])
        opt.step()
        scheduler.step()
    return out


def case(schedule, base, steps_per_epoch, total, make, count=None):
    count = count or total
    return {
        "schedule": schedule,
        "base": base,
        "stepsPerEpoch": steps_per_epoch,
        "totalSteps": total,
        "rates": rates(base, make, count),
    }


def warm(n, main):
    """n steps of linear warm-up, (step + 1) / n, then the main schedule from its own step 0."""
    return lambda opt: lr.SequentialLR(
        opt,
        [lr.LinearLR(opt, start_factor=1 / n, total_iters=n - 1), main(opt)],
        milestones=[n],
    )


schedules = [
    case({"type": "constant"}, 0.1, 5, 7, lambda o: lr.ConstantLR(o, factor=1.0)),
    case({"type": "step", "stepSize": 4, "gamma": 0.3}, 0.1, 5, 30, lambda o: lr.StepLR(o, 4, 0.3)),
    case({"type": "step", "stepEpochs": 2}, 0.5, 5, 40, lambda o: lr.StepLR(o, 10, 0.1)),
    case({"type": "exponential", "gamma": 0.97, "decaySteps": 1}, 0.02, 5, 40, lambda o: lr.ExponentialLR(o, 0.97)),
    case({"type": "cosine"}, 0.1, 5, 30, lambda o: lr.CosineAnnealingLR(o, 30)),
    case({"type": "cosine", "steps": 20, "minimum": 0.01}, 0.1, 5, 30, lambda o: lr.CosineAnnealingLR(o, 20, 0.01), 21),
    case({"type": "cosine", "epochs": 3, "minimum": 1e-4, "restarts": True}, 0.1, 4, 50,
         lambda o: lr.CosineAnnealingWarmRestarts(o, 12, 1, 1e-4)),
    case({"type": "cosine", "steps": 7, "restarts": True, "cycleFactor": 2}, 0.1, 4, 60,
         lambda o: lr.CosineAnnealingWarmRestarts(o, 7, 2)),
    case({"type": "linear"}, 0.1, 5, 25, lambda o: lr.LinearLR(o, 1.0, 0.0, 25)),
    case({"type": "linear", "steps": 9, "endFactor": 0.2}, 0.3, 5, 25, lambda o: lr.LinearLR(o, 1.0, 0.2, 9)),
    case({"type": "oneCycle"}, 0.1, 5, 50, lambda o: lr.OneCycleLR(o, 0.1, total_steps=51), 50)
    | {"totalSteps": 51},
    case({"type": "oneCycle", "pctStart": 0.25, "divFactor": 10, "finalDivFactor": 100}, 3e-3, 5, 40,
         lambda o: lr.OneCycleLR(o, 3e-3, total_steps=41, pct_start=0.25, div_factor=10, final_div_factor=100), 40)
    | {"totalSteps": 41},
    case({"type": "polynomial", "steps": 18, "power": 2}, 0.1, 5, 25, lambda o: lr.PolynomialLR(o, 18, 2.0)),
    case({"type": "polynomial"}, 0.1, 5, 25, lambda o: lr.PolynomialLR(o, 25, 1.0)),
    case({"type": "step", "stepSize": 6, "gamma": 0.5, "warmupSteps": 5}, 0.2, 5, 40,
         warm(5, lambda o: lr.StepLR(o, 6, 0.5))),
    case({"type": "exponential", "gamma": 0.9, "decayEpochs": 1, "warmupEpochs": 2}, 0.2, 1, 30,
         warm(2, lambda o: lr.ExponentialLR(o, 0.9))),
    case({"type": "cosine", "warmupEpochs": 2}, 0.2, 4, 40, warm(8, lambda o: lr.CosineAnnealingLR(o, 32))),
]


def text(metric):
    return str(metric).replace("inf", "Infinity").replace("nan", "NaN")


def plateau(options, base, metrics, **torch_options):
    opt = optimizer(base)
    scheduler = lr.ReduceLROnPlateau(opt, **torch_options)
    out = []
    for metric in metrics:
        scheduler.step(metric)
        out.append(opt.param_groups[0]["lr"])
    return {"options": options, "base": base, "metrics": [text(m) for m in metrics], "rates": out}


torch.manual_seed(1)
noisy = [float(x) for x in (torch.randn(60, dtype=torch.float64) * 0.2 + 1 / torch.arange(1, 61, dtype=torch.float64))]
flat = [1.0, 0.5] + [0.5 - 1e-6 * i for i in range(40)]
withNaN = [1.0, float("nan"), 0.9, float("nan"), float("nan"), float("nan"), 0.8, float("inf"), 0.85, 0.81, 0.799]

plateaus = [
    plateau({}, 0.1, noisy),
    plateau({"patience": 2, "factor": 0.5}, 0.1, noisy, patience=2, factor=0.5),
    plateau({"mode": "max", "patience": 1, "factor": 0.3, "cooldown": 3}, 0.1, noisy,
            mode="max", patience=1, factor=0.3, cooldown=3),
    plateau({"patience": 3, "factor": 0.2, "minLearningRate": 1e-3}, 0.1, flat, patience=3, factor=0.2, min_lr=1e-3),
    plateau({"patience": 0, "factor": 0.1, "minDelta": 0.02, "cooldown": 1}, 1.0, flat,
            patience=0, factor=0.1, threshold=0.02, cooldown=1),
    plateau({"patience": 1, "factor": 0.5}, 1.0, withNaN, patience=1, factor=0.5),
]

print(json.dumps({"torch": torch.__version__, "schedules": schedules, "plateaus": plateaus}))
