"""Takes a network to PyTorch, quantizes it there, brings it to digit8 and back, and counts the integers that differ.

    python check.py DIGIT8 STATE_DICT.safetensors DATA

DIGIT8 is the program, DATA a folder with MNIST's four files. Prints a line for each scheme and granularity and each direction; exits
with 1 if any integer of any layer of any test digit differs.
"""

import gzip
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.ao import quantization as ao

import digit8_torch

STEPS = ("quant", "linear1", "linear2", "linear3")


class Net(nn.Module):
    def __init__(self, state):
        super().__init__()
        self.quant, self.dequant = ao.QuantStub(), ao.DeQuantStub()
        for name in digit8_torch.LAYERS:
            outputs, inputs = state[f"{name}.weight"].shape
            setattr(self, name, nn.Linear(inputs, outputs))
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
        self.load_state_dict(state)

    def forward(self, x):
        x = self.relu1(self.linear1(self.quant(x)))
        x = self.relu2(self.linear2(x))
        return self.dequant(self.linear3(x))


def images(folder, name):
    for path in (folder / f"{name}-images-idx3-ubyte", folder / f"{name}-images-idx3-ubyte.gz"):
        if path.exists():
            data = path.read_bytes()
            data = gzip.decompress(data) if path.suffix == ".gz" else data
            pixels = torch.frombuffer(bytearray(data), dtype=torch.uint8, offset=16).reshape(-1, 784)
            return (pixels.to(torch.float32) / 255 - 0.1307) / 0.3081
    raise SystemExit(f"{folder} has no {name} images")


def quantized(state, x, fused, per_channel):
    """As PyTorch's documentation has it: prepare, show it digits, convert."""
    model = Net(state).eval()
    weight = ao.PerChannelMinMaxObserver if per_channel else ao.MinMaxObserver
    scheme = torch.per_channel_symmetric if per_channel else torch.per_tensor_symmetric
    model.qconfig = ao.QConfig(
        activation=ao.MinMaxObserver.with_args(reduce_range=True),
        weight=weight.with_args(dtype=torch.qint8, qscheme=scheme),
    )
    if fused:
        model = ao.fuse_modules(model, [["linear1", "relu1"], ["linear2", "relu2"]])
    model = ao.prepare(model)
    model(x)
    return ao.convert(model)


def integers(model, x):
    """The integers of every step, by its name."""
    found = {}
    for name in STEPS:
        module = getattr(model, name)
        module.register_forward_hook(lambda _, __, y, name=name: found.__setitem__(name, y.int_repr().numpy()))
    model(x)
    return found


def dumped(digit8, file, data, out):
    """The same, as digit8 computes them."""
    command = [digit8, "dump", "--model", str(file), "--data", str(data), "--out", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return dict(np.load(out))


def main():
    digit8, state, data = sys.argv[1], load_file(sys.argv[2]), Path(sys.argv[3])
    torch.backends.quantized.engine = "x86"
    train, test = images(data, "train")[:1000], images(data, "t10k")
    differing = 0

    def report(what, ours, theirs):
        nonlocal differing
        counts = {name: int((ours[name] != theirs[name]).sum()) for name in STEPS}
        differing += sum(counts.values())
        print(what, counts)

    with tempfile.TemporaryDirectory() as folder:
        file, layers = Path(folder) / "int8.safetensors", Path(folder) / "layers.npz"
        for fused in (False, True):
            for per_channel in (False, True):
                name = f"{'fused' if fused else 'static'}, {'per channel' if per_channel else 'per tensor'}"
                model = quantized(state, train, fused, per_channel)
                digit8_torch.save(model, file)
                theirs, ours = integers(model, test), dumped(digit8, file, data, layers)
                report(f"PyTorch to digit8, {name}:", ours, theirs)
                scheme = ["--scheme", "fused" if fused else "static"] + ["--per-channel"] * per_channel
                command = [digit8, "quantize", sys.argv[2], *scheme, "--data", str(data), "--out", str(file)]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                theirs, ours = integers(digit8_torch.load(file), test), dumped(digit8, file, data, layers)
                report(f"digit8 to PyTorch, {name}:", ours, theirs)
    sys.exit(differing > 0)


if __name__ == "__main__":
    main()
