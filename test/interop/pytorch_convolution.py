"""A convolutional network in PyTorch, channels first, on the other side of a safetensors file.

Run:    python3 test/interop/pytorch_convolution.py OURS.safetensors THEIRS.safetensors ROWS.json
Prints: {"loaded": outputs of our weights there, "own": outputs of the weights it wrote}
"""

import json
import sys

import torch
from torch import nn

from tensors import load_file, save_file


def network():
    return nn.Sequential(
        *(nn.Conv2d(2, 4, 3, padding="same"), nn.BatchNorm2d(4, eps=1e-3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.PReLU(24), nn.Linear(24, 3)),
    ).eval()


ours, theirs, rows = sys.argv[1:]
x = torch.tensor(json.load(open(rows))).reshape(-1, 4, 6, 2).permute(0, 3, 1, 2)
with torch.no_grad():
    net = network()
    # The names are those of layers; the order is that of the modules.
    names = [name for name in net.state_dict() if not name.endswith("num_batches_tracked")]
    net.load_state_dict(dict(zip(names, load_file(ours).values(), strict=True)), strict=False)
    torch.manual_seed(7)
    own = network()
    save_file({name: own.state_dict()[name] for name in names}, theirs)
    print(json.dumps({"loaded": net(x).tolist(), "own": own(x).tolist()}))
