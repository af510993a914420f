"""ONNX graphs as torch.onnx writes them, with what PyTorch gives, for test/interop/onnx-torch.test.ts.

Run:    python3 test/golden/torch_onnx.py     (Debian's python3-torch 1.13)
Writes: test/golden/values/torch-onnx.json: [{"name", "layers", "onnx", "x", "y"}], bytes and float32 in base64
"""

import base64
import io
import json
import os

import torch
import torch.nn.functional as F
from torch import nn

ROWS, STEPS, WIDTH = 3, 5, 8


class Attends(nn.Module):
    """nn.MultiheadAttention, rows or steps first."""

    def __init__(self, batch_first=True, causal=False, bias=True, weights=False):
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, 2, batch_first=batch_first, bias=bias)
        self.batch_first, self.causal, self.weights = batch_first, causal, weights

    def forward(self, x):
        mask = torch.triu(torch.full((STEPS, STEPS), float("-inf")), 1) if self.causal else None
        x = x if self.batch_first else x.transpose(0, 1)
        y = self.attention(x, x, x, need_weights=self.weights, attn_mask=mask)[0]
        return y if self.batch_first else y.transpose(0, 1)


class Words(nn.Module):
    """Tables of words and of positions, attention written out with masked_fill, an MLP."""

    def __init__(self):
        super().__init__()
        self.words, self.positions = nn.Embedding(9, WIDTH), nn.Embedding(STEPS, WIDTH)
        self.qkv, self.out, self.norm = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)
        self.register_buffer("mask", torch.tril(torch.ones(STEPS, STEPS)).view(1, 1, STEPS, STEPS))
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 12), nn.GELU(), nn.Linear(12, WIDTH))
        self.head = nn.Linear(WIDTH, 4)

    def forward(self, x):
        rows, steps = x.shape
        x = self.words(x.long()) + self.positions(torch.arange(steps))
        q, k, v = (t.view(rows, steps, 2, WIDTH // 2).transpose(1, 2) for t in self.qkv(self.norm(x)).split(WIDTH, 2))
        shares = (q @ k.transpose(-2, -1)) * (WIDTH // 2) ** -0.5
        shares = F.softmax(shares.masked_fill(self.mask[:, :, :steps, :steps] == 0, float("-inf")), -1)
        x = x + self.out((shares @ v).transpose(1, 2).contiguous().view(rows, steps, WIDTH))
        return self.head(x + self.mlp(x))


class Encoder(nn.Module):
    def __init__(self, steps_first=False, **settings):
        super().__init__()
        layer = nn.TransformerEncoderLayer(WIDTH, 2, 12, batch_first=not steps_first, **settings)
        self.encoder, self.steps_first = nn.TransformerEncoder(layer, 2), steps_first
        self.head = nn.Linear(WIDTH, 3)

    def forward(self, x):
        return self.head(self.encoder(x.transpose(0, 1)).transpose(0, 1) if self.steps_first else self.encoder(x))


class Images(nn.Module):
    """A batch norm that the exporter works into its convolution, a group norm whose lengths the graph computes, means of positions."""

    def __init__(self):
        super().__init__()
        self.stem, self.batch = nn.Conv2d(2, WIDTH, 3, padding=1, stride=2), nn.BatchNorm2d(WIDTH)
        self.depth = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=WIDTH)
        self.group, self.pool, self.head = nn.GroupNorm(2, WIDTH), nn.MaxPool2d(2, stride=1), nn.Linear(WIDTH, 3)

    def forward(self, x):
        x = torch.relu(self.batch(self.stem(x)))
        return self.head(self.pool(x + F.gelu(self.group(self.depth(x)))).mean((2, 3)))


def block(norm=True):
    return ["layerNorm", "attention", "add", "layerNorm", "dense", "activation", "dense", "add"] if norm else [
        "attention", "add", "layerNorm", "dense", "activation", "dense", "add", "layerNorm",
    ]


# name -> module, opset, whether rows are any number, the layers of ours, further arguments
CASES = {
    "attention": (Attends(), 14, True, ["attention"], {}),
    "causal attention": (Attends(causal=True), 17, True, ["attention"], {}),
    "attention of steps first, its weights too": (Attends(False, weights=True), 11, True, ["attention"], {}),
    "attention of one row, without bias": (Attends(bias=False), 13, False, ["attention"], {}),
    "attention, nothing folded": (Attends(causal=True), 14, True, ["attention"], {"do_constant_folding": False}),
    "layer normalisation and GELU": (
        nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 6), nn.GELU(), nn.LayerNorm(6, elementwise_affine=False)), 11, True,
        ["layerNorm", "dense", "activation", "layerNorm"], {},
    ),
    "words": (
        Words(), 14, True,
        ["embedding", "positionEmbedding", "layerNorm", "attention", "add", "dense", "activation", "dense", "add", "dense"], {},
    ),
    "encoder, norms first": (Encoder(activation="gelu", norm_first=True), 14, True, [*block(), *block(), "dense"], {}),
    "encoder, norms last, steps first": (Encoder(True), 11, True, [*block(False), *block(False), "dense"], {}),
    "images": (
        Images(), 14, True,
        ["conv2d", "activation", "conv2d", "groupNorm", "activation", "add", "maxPooling2d",
         "globalAveragePooling2d", "dense"],
        {},
    ),
}


def encoded(data):
    return base64.b64encode(data).decode()


def case(name, module, opset, free, layers, more):
    module.eval()
    with torch.no_grad():
        # Nothing that would not be noticed: no bias of 0, no factor of 1, no two layers alike.
        for parameter in module.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape) + (1 if parameter.dim() == 1 else 0))
    rows = ROWS if free else 1
    x = torch.randn(rows, STEPS, WIDTH)
    if name == "images":
        x = torch.randn(rows, 2, 9, 8)
    if name == "words":
        x = torch.randint(0, 9, (rows, STEPS)).float()
    axes = {"x": {0: "rows"}, "y": {0: "rows"}} if free else None
    file = io.BytesIO()
    torch.onnx.export(
        module, x, file, opset_version=opset, input_names=["x"], output_names=["y"], dynamic_axes=axes, **more,
    )
    # With gradients wanted: without, torch takes a kernel of its own that needs a bias.
    y = module(x).detach()
    # Rows have channels last here.
    x = x.permute(0, 2, 3, 1).contiguous() if x.dim() == 4 else x
    return {
        "name": f"{name} (set {opset})", "layers": layers, "onnx": encoded(file.getvalue()),
        "x": encoded(x.numpy().tobytes()), "y": encoded(y.contiguous().numpy().tobytes()),
    }


torch.manual_seed(5)
into = os.path.join(os.path.dirname(os.path.abspath(__file__)), "values", "torch-onnx.json")
with open(into, "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case(name, *args)) for name, args in CASES.items()) + "\n]\n")
