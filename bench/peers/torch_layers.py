"""
The layers of a problem (problem.ts) as PyTorch modules, with the problem's weights. Images go in with their channels first.
"""

import json
import os

import torch
from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


class Positions(nn.Module):
    def __init__(self, steps, width):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(steps, width))

    def forward(self, x):
        return x + self.weight


class Block(nn.Module):
    """x + attention(norm(x)), then x + dense(activation(dense(norm(x))))."""

    def __init__(self, layer, steps, width):
        super().__init__()
        units = layer.get("units") or 4 * width
        self.norm_1 = nn.LayerNorm(width, eps=1e-5)
        self.attention = nn.MultiheadAttention(width, layer["numHeads"], batch_first=True)
        self.norm_2 = nn.LayerNorm(width, eps=1e-5)
        self.dense = nn.Sequential(nn.Linear(width, units), nn.GELU(), nn.Linear(units, width))
        hidden = torch.triu(torch.full((steps, steps), float("-inf")), 1) if layer["causal"] else None
        self.register_buffer("hidden", hidden, persistent=False)

    def forward(self, x):
        normed = self.norm_1(x)
        x = x + self.attention(normed, normed, normed, attn_mask=self.hidden, need_weights=False)[0]
        return x + self.dense(self.norm_2(x))


class States(nn.Module):
    """All states of an LSTM. Its second bias stays 0: beside the first it would move twice as fast as one bias does."""

    def __init__(self, features, units):
        super().__init__()
        self.lstm = nn.LSTM(features, units, batch_first=True)
        self.lstm.bias_hh_l0.requires_grad_(False)

    def forward(self, x):
        return self.lstm(x)[0]


def module_of(layer, shape):
    """The modules of a layer, and the shape of a row after it: [channels, rows, columns], [steps, channels] or [units]."""
    kind = layer["type"]
    if kind == "dense":
        modules = [nn.Linear(shape[-1], layer["units"])]
        activation = layer["activation"]["type"]
        return modules + ([] if activation == "linear" else [ACTIVATIONS[activation]()]), [*shape[:-1], layer["units"]]
    if kind == "activation":
        return [ACTIVATIONS[layer["activation"]["type"]]()], shape
    if kind == "conv2d":
        padding = layer["padding"]
        convolution = nn.Conv2d(shape[0], layer["filters"], layer["kernelSize"], padding=padding)
        return [convolution], [layer["filters"], *shape[1:]]
    if kind == "batchNorm":
        return [nn.BatchNorm2d(shape[0], eps=layer["epsilon"])], shape
    if kind == "maxPooling2d":
        size = layer["poolSize"]
        return [nn.MaxPool2d(size)], [shape[0], *(extent // size for extent in shape[1:])]
    if kind == "flatten":
        return [nn.Flatten()], [torch.Size(shape).numel()]
    if kind == "embedding":
        return [nn.Embedding(layer["inputDim"], layer["outputDim"])], [*shape, layer["outputDim"]]
    if kind == "positionEmbedding":
        return [Positions(*shape)], shape
    if kind == "transformerBlock":
        return [Block(layer, *shape)], shape
    if kind == "layerNorm":
        return [nn.LayerNorm(shape[-1], eps=layer["epsilon"])], shape
    if kind == "lstm":
        return [States(shape[-1], layer["units"])], [shape[0], layer["units"]]
    raise ValueError(f"no module for a layer of type {kind}")


def model_of(problem):
    modules = []
    shape = row_shape(problem)
    for layer in problem.settings["layers"]:
        made, shape = module_of(layer, shape)
        modules += made
    model = nn.Sequential(*modules)
    ours = iter(read_tensors(os.path.join(problem.folder, "pytorch.safetensors")))
    # Both lists have the order of the layers, and within a layer PyTorch's.
    values = {name: next(ours) for name, value in model.state_dict().items() if value.is_floating_point()}
    assert next(ours, None) is None, "fewer parameters than the problem has"
    model.load_state_dict(values, strict=False)
    return model


def row_shape(problem):
    *extents, channels = problem.settings["inputShape"]
    return [channels, *extents] if len(extents) == 2 else [*extents, channels]


def inputs_of(problem, rows):
    x = torch.from_numpy(problem.x[rows].copy())
    shape = problem.settings["inputShape"]
    if len(shape) == 3:
        return x.reshape(-1, *shape).permute(0, 3, 1, 2).contiguous()
    return x.long() if problem.settings["layers"][0]["type"] == "embedding" else x


def read_tensors(path):
    with open(path, "rb") as file:
        data = file.read()
    begin = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:begin])
    header.pop("__metadata__", None)
    for tensor in header.values():
        start, end = tensor["data_offsets"]
        # A copy, which may be written to.
        flat = torch.frombuffer(bytearray(data[begin + start : begin + end]), dtype=torch.float32)
        yield flat.reshape(tensor["shape"])
