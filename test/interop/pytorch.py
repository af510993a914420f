"""PyTorch on the other side of a safetensors file: loads what we wrote, and writes what we load.

Run:    python3 test/interop/pytorch.py OURS.safetensors THEIRS.safetensors ROWS.json
Prints: {"loaded": outputs of our weights there, "own": outputs of the weights it wrote}
"""

import torch
from torch import nn

from tensors import exchange


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.dense_1 = nn.Linear(inputs, 7)
        self.dense_2 = nn.Linear(7, outputs)
        self.shortcut = nn.Linear(inputs, outputs, bias=False)

    def forward(self, x):
        return self.dense_2(torch.tanh(self.dense_1(x))) + self.shortcut(x)


class Ours(nn.Module):
    """The names of `save(.., {layout: 'pytorch'})`."""

    def __init__(self):
        super().__init__()
        self.dense_1, self.prelu_1 = nn.Linear(6, 5), nn.PReLU(5)
        self.residual_1, self.dense_2 = Block(5, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.dense_2(self.residual_1(self.prelu_1(torch.relu(self.dense_1(x)))))


def plain():
    return nn.Sequential(*[part for _ in range(12) for part in (nn.Linear(6, 6), nn.ReLU())], nn.Linear(6, 3))


exchange(Ours(), plain, (-1, 6))
