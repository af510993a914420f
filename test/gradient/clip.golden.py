"""Gradients clipped by torch.nn.utils, for clip.golden.test.ts.

    python3 test/gradient/clip.golden.py > test/gradient/clip.golden.json && npx prettier --write test/gradient/clip.golden.json

The tests read the JSON and need no Python. Numbers are float32, written exactly; infinities and NaN as strings.
"""

import json
import math

import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_


def numbers(tensor):
    return [x if math.isfinite(x) else str(x).replace("inf", "Infinity").replace("nan", "NaN") for x in tensor.tolist()]


def parameters(shapes, scale, seed):
    torch.manual_seed(seed)
    out = []
    for shape in shapes:
        p = torch.nn.Parameter(torch.zeros(shape))
        p.grad = torch.randn(shape) * scale
        out.append(p)
    return out


def norm_case(params, max_norm, norm_type):
    before = [numbers(p.grad) for p in params]
    total = clip_grad_norm_(params, max_norm, norm_type=norm_type)
    return {
        "before": before,
        "maxNorm": max_norm,
        "normType": "inf" if norm_type == math.inf else norm_type,
        "totalNorm": numbers(total.reshape(1))[0],
        "after": [numbers(p.grad) for p in params],
    }


def value_case(params, value):
    before = [numbers(p.grad) for p in params]
    clip_grad_value_(params, value)
    return {"before": before, "value": value, "after": [numbers(p.grad) for p in params]}


shapes = [[5], [1], [8]]
norms = []
for seed, (scale, max_norm) in enumerate(
    [(1, 1), (1, 0.25), (1, 1e3), (1e-3, 1), (1e3, 1), (1e-6, 1e-6), (1e-7, 1e-7), (1e6, 3.5), (1e12, 1e-3), (1, 5)]
):
    for norm_type in [2.0, 1.0, 3.0, math.inf]:
        norms.append(norm_case(parameters(shapes, scale, seed), max_norm, norm_type))

nonfinite = []
for bad in [math.nan, math.inf, -math.inf]:
    params = parameters(shapes, 1, 99)
    params[1].grad[0] = bad
    nonfinite.append(norm_case(params, 1.0, 2.0))

values = [value_case(parameters(shapes, scale, 7), v) for scale, v in [(1, 0.1), (1, 0.5), (10, 3), (1e-3, 1), (1, 0.7)]]

print(json.dumps({"torch": torch.__version__, "norms": norms, "nonFinite": nonfinite, "values": values}))
