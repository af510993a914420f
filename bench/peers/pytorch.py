"""
PyTorch as a contestant. pytorch.py THREADS, or pytorch.py ddp: DistributedDataParallel over gloo, two processes of one
thread, each with half of every batch.

As its tuning guide says: gradients set to None, buckets as views, no reads back in the loop; the optimizer's for-each
variant is taken where it is faster here.
"""

import os
import subprocess
import sys
import tempfile

import torch
import torch.distributed as distributed
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_

from peer import blas_libraries, serve, timed
from torch_layers import inputs_of, model_of

DDP = sys.argv[1] == "ddp"
RANK = int(sys.argv[2]) if DDP and len(sys.argv) > 2 else 0
WORLD = 2 if DDP else 1


def build(problem, adam, foreach):
    """Returns step(index) -> loss of this process's rows."""
    model = model_of(problem)
    if DDP:
        model = DistributedDataParallel(model, gradient_as_bucket_view=True)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    betas = (adam["beta1"], adam["beta2"])
    optimizer = torch.optim.Adam(parameters, adam["learningRate"], betas, adam["epsilon"], foreach=foreach)
    cross_entropy = torch.nn.CrossEntropyLoss()
    clip_norm = problem.settings["clipNorm"]
    share = problem.batch_size // WORLD
    data = []
    for batch in range(problem.batches):
        rows = slice(batch * problem.batch_size + RANK * share, batch * problem.batch_size + (RANK + 1) * share)
        data.append((inputs_of(problem, rows), torch.from_numpy(problem.y[rows].copy()).flatten()))

    def step(index):
        x, y = data[index % len(data)]
        optimizer.zero_grad(set_to_none=True)
        logits = model(x)
        loss = cross_entropy(logits.reshape(-1, logits.shape[-1]), y)
        loss.backward()
        clip_grad_norm_(parameters, clip_norm)
        optimizer.step()
        return loss

    return step


def check(problem):
    settings = problem.settings
    step = build(problem, settings["check"], False)
    losses = []
    for index in range(settings["checkSteps"]):
        loss = step(index).detach()
        if DDP:
            distributed.all_reduce(loss)
        losses.append(loss.item() / WORLD)
    return losses


timed_step = None


def prepare(problem):
    global timed_step
    losses = check(problem)
    # The same numbers of steps in both processes of DDP, which wait for each other.
    steps = problem.settings["trialSteps"]
    variants = [build(problem, problem.settings["timed"], foreach) for foreach in (False, True)]
    for variant in variants:
        timed(variant, steps // 2)
    micros = torch.tensor([timed(variant, steps)["micros"] for variant in variants])
    if DDP:
        distributed.all_reduce(micros)
    fastest = int(micros.argmin())
    timed_step = variants[fastest]
    return {"losses": losses, "note": f"foreach={bool(fastest)}"}


def run(steps):
    return timed(timed_step, steps)


def join(store):
    """Rank 0 starts rank 1 and passes every command on to it; rank 1's answers go nowhere."""
    peer = None
    if RANK == 0:
        arguments = [sys.executable, os.path.abspath(__file__), "ddp", "1", store]
        peer = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    distributed.init_process_group("gloo", init_method=f"file://{store}", rank=RANK, world_size=WORLD)

    def relay(line):
        if peer:
            peer.stdin.write(line)
            peer.stdin.flush()

    return relay


def main():
    torch.set_num_threads(1 if DDP else int(sys.argv[1]))
    torch.set_flush_denormal(True)
    about = {
        "version": torch.__version__,
        "cpu": torch.__config__.show().split("CPU capability usage: ")[-1].split("\n")[0],
        "blas": blas_libraries(),
    }
    if not DDP:
        return serve(about, prepare, run)
    with tempfile.TemporaryDirectory() as folder:
        relay = join(sys.argv[3] if RANK else os.path.join(folder, "store"))
        serve(about, prepare, run, relay)


main()
