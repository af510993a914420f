"""Stacked recurrent modules on the other side of a safetensors file: run what we wrote, and write what we load.

Run:    python3 test/interop/pytorch_stacked.py OURS.safetensors THEIRS.safetensors ROWS.json
Prints: {"loaded": outputs of our weights there, "own": outputs of the weights it wrote}
"""

import os
import sys

from tensors import exchange

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from stacked import Stacked  # noqa: E402

exchange(Stacked(), Stacked, (-1, 4, 3))
