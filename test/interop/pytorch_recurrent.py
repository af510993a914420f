"""torch.nn.LSTM and GRU on the other side of a safetensors file: run what we wrote, and write what we load.

Run:    python3 test/interop/pytorch_recurrent.py OURS.safetensors THEIRS.safetensors ROWS.json
Prints: {"loaded": outputs of our weights there, "own": outputs of the weights it wrote}
"""

import torch
from torch import nn

from tensors import exchange


class Recurrent(nn.Module):
    """The names of `save(.., {layout: 'pytorch'})`."""

    def __init__(self):
        super().__init__()
        self.lstm_1 = nn.LSTM(3, 5, batch_first=True)
        self.bidirectional_1 = nn.LSTM(5, 3, batch_first=True, bidirectional=True)
        self.gru_1 = nn.GRU(6, 4, batch_first=True)
        self.bidirectional_2 = nn.GRU(4, 2, batch_first=True, bidirectional=True)
        self.dense_1 = nn.Linear(4, 3)

    def forward(self, x):
        states = self.gru_1(self.bidirectional_1(self.lstm_1(x)[0])[0])[0]
        last = self.bidirectional_2(states)[1]
        return self.dense_1(torch.cat([last[0], last[1]], -1))


exchange(Recurrent(), Recurrent, (-1, 2, 3))
