"""Stacked recurrent modules on the other side of a safetensors file: run what we wrote, and write what we load.

Run:    python3 test/interop/pytorch_stacked.py OURS.safetensors THEIRS.safetensors ROWS.json
Prints: {"loaded": outputs of our weights there, "own": outputs of the weights it wrote}
"""

import json
import os
import sys

import torch

from tensors import load_file, save_file

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from stacked import Stacked  # noqa: E402

ours, theirs, rows = sys.argv[1:]
x = torch.tensor(json.load(open(rows))).reshape(-1, 4, 3)
with torch.no_grad():
    net = Stacked()
    net.load_state_dict(load_file(ours), strict=True)
    torch.manual_seed(7)
    own = Stacked()
    save_file(own.state_dict(), theirs)
    print(json.dumps({"loaded": net(x).tolist(), "own": own(x).tolist()}))
