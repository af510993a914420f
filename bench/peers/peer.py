"""A contestant in Python: the runner's protocol (protocol.ts) and its problem folders (problem.ts)."""

import json
import os
import sys
import time

import numpy as np


class Problem:
    """x: [batches * batch_size, features]; y: class numbers; of dense layers also (kernel [in, out], bias) each."""

    def __init__(self, folder):
        with open(os.path.join(folder, "problem.json")) as file:
            self.settings = json.load(file)

        def read(file):
            return np.fromfile(os.path.join(folder, file), dtype="<f4")

        self.folder = folder
        self.widths = self.settings.get("widths")
        self.batch_size = self.settings["batchSize"]
        self.batches = self.settings["batches"]
        self.x = read("x.f32").reshape(-1, self.settings["features"])
        self.y = read("y.f32").astype(np.int64)
        if self.settings["targets"] > 1:
            self.y = self.y.reshape(-1, self.settings["targets"])
        if self.widths:
            tensors = [read(p["file"]).reshape(p["shape"]) for p in self.settings["parameters"]]
            self.layers = list(zip(tensors[0::2], tensors[1::2]))

    def rows(self, batch):
        return slice(batch * self.batch_size, (batch + 1) * self.batch_size)


def say(message):
    print(json.dumps(message), flush=True)


def serve(about, prepare, run, relay=lambda line: None):
    """prepare(problem) -> {losses, note}; run(steps) -> {steps, micros, mean}; relay sees every command first."""
    say({"about": about})
    for line in sys.stdin:
        relay(line)
        command = json.loads(line)
        try:
            if command["cmd"] == "run":
                say(run(command["steps"]))
            else:
                say(prepare(Problem(command["dir"])))
        except Exception as error:
            say({"error": f"{type(error).__name__}: {error}"})
            return


def timed(step, steps):
    """Median and mean time of a step in microseconds."""
    micros = np.empty(steps)
    for index in range(steps):
        begin = time.perf_counter_ns()
        step(index)
        micros[index] = (time.perf_counter_ns() - begin) / 1e3
    return {"steps": steps, "micros": float(np.median(micros)), "mean": float(micros.mean())}


def blas_libraries():
    """Paths of the BLAS libraries this process has loaded (Linux; elsewhere empty)."""
    try:
        with open("/proc/self/maps") as maps:
            paths = {line.split()[-1] for line in maps if "/lib" in line}
    except OSError:
        return ""
    names = ("libblas", "libopenblas", "libmkl", "libblis", "libatlas")
    return " ".join(sorted(path for path in paths if os.path.basename(path).startswith(names)))
