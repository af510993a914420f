"""A `state_dict` of stacked recurrent modules, by PyTorch, with what they give.

Run:    python3 test/golden/stacked.py
Writes: test/golden/values/torch-stacked.safetensors, and torch-stacked.json: {"x": rows, "y": outputs}
"""

import json
import os
import sys

import torch
from torch import nn

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "interop"))
from tensors import save_file  # noqa: E402


class Stacked(nn.Module):
    """One module from both ends, one of several layers, more than ten of them: `l10` comes after `l2`."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.LSTM(3, 4, num_layers=2, batch_first=True, bidirectional=True)
        self.rnn = nn.GRU(8, 3, num_layers=12, batch_first=True)
        self.top = nn.Linear(3, 2)

    def forward(self, x):
        return self.top(self.rnn(self.encoder(x)[0])[1][-1])


if __name__ == "__main__":
    torch.manual_seed(3)
    net = Stacked()
    with torch.no_grad():
        # Wider than their initial values: what twelve layers leave of the rows must still differ.
        for parameter in net.parameters():
            parameter.mul_(4 if parameter.dim() > 1 else 0.3)
        x = torch.randn(5, 4, 3)
        save_file(net.state_dict(), os.path.join(here, "values", "torch-stacked.safetensors"))
        with open(os.path.join(here, "values", "torch-stacked.json"), "w") as file:
            json.dump({"x": x.flatten(1).tolist(), "y": net(x).tolist()}, file)
