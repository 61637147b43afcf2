"""PyTorch with digit8's network in it, timed for `cargo xtask bench --peers`, which starts this.

    python pytorch.py FOLDER THREADS MODELS

It speaks as src/main.rs does. The quantized networks are PyTorch's own modules with the same integers in them. Every network is prepared
in all the ways that PyTorch has, and the one that is fastest in a short trial is kept and named.
"""

import itertools
import json
import pathlib
import sys
import time
import warnings

import numpy
import torch
from safetensors import safe_open
from torch import nn
from torch.ao.nn import quantized
from torch.nn.functional import cross_entropy

LAYERS = ["linear1", "linear2", "linear3"]
# As digit8's own rows: small batches walk over this many images again and again.
WALK = 256
TRAINING_BATCH = 10


def say(message):
    print(json.dumps(message), flush=True)


def digits(folder, name):
    """Pixels as the network sees them, `[n, 784]`, and labels."""
    pixels = numpy.fromfile(folder / f"{name}.images", numpy.uint8).reshape(-1, 784)
    labels = numpy.fromfile(folder / f"{name}.labels", numpy.uint8)
    return (torch.from_numpy(pixels).float() / 255 - 0.1307) / 0.3081, torch.from_numpy(labels).long()


def tensors(folder, model):
    with safe_open(folder / f"{model}.safetensors", "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def float32(folder):
    state = tensors(folder, "float32")
    modules = []
    for name in LAYERS:
        outputs, inputs = state[f"{name}.weight"].shape
        linear = nn.Linear(inputs, outputs)
        linear.load_state_dict({part: state[f"{name}.{part}"] for part in ["weight", "bias"]})
        modules += [linear, nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def integers(state, name):
    scale = state[f"{name}.weight_scale"]
    real = state[f"{name}.weight"].float() * scale.reshape(-1, 1)
    if len(scale) == 1:
        weight = torch.quantize_per_tensor(real, scale.item(), 0, torch.qint8)
    else:
        weight = torch.quantize_per_channel(real, scale, torch.zeros(len(scale), dtype=torch.long), 0, torch.qint8)
    assert torch.equal(weight.int_repr(), state[f"{name}.weight"]), "the same integers"
    return weight, state[f"{name}.bias"]


def static(folder, model):
    state = tensors(folder, model)

    def scale(name):
        return state[f"{name}.scale"].item(), int(state[f"{name}.zero_point"])

    modules = [quantized.Quantize(*scale("quant"), torch.quint8)]
    for name in LAYERS:
        weight, bias = integers(state, name)
        fused = model == "fused" and name != "linear3"
        kind = torch.ao.nn.intrinsic.quantized.LinearReLU if fused else quantized.Linear
        linear = kind(weight.shape[1], weight.shape[0])
        linear.set_weight_bias(weight, bias)
        linear.scale, linear.zero_point = scale(name)
        modules += [linear] if fused or name == "linear3" else [linear, nn.ReLU()]
    return nn.Sequential(*modules, quantized.DeQuantize())


def dynamic(folder):
    state = tensors(folder, "dynamic")
    modules = []
    for name in LAYERS:
        weight, bias = integers(state, name)
        linear = quantized.dynamic.Linear(weight.shape[1], weight.shape[0])
        linear.set_weight_bias(weight, bias)
        modules += [linear, nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def frozen(module, example):
    return torch.jit.freeze(torch.jit.trace(module, example))


def optimized(module, example):
    return torch.jit.optimize_for_inference(frozen(module, example))


def compiled(module, example):
    return torch.compile(module, dynamic=False)


WAYS = {"jit frozen": frozen, "jit optimised": optimized, "torch.compile": compiled}
# Libraries for products of integers, of which PyTorch has several.
ENGINES = [engine for engine in ["x86", "onednn", "fbgemm"] if engine in torch.backends.quantized.supported_engines]


def seconds(run, example):
    """About how long an example takes, by some of its images: oneDNN has reference code for what it does not have kernels for."""
    few = example[:8]
    run(few)
    start = time.perf_counter()
    run(few)
    return (time.perf_counter() - start) * len(example) / len(few)


def ways(model, make, example):
    """Every way to prepare a network: what it is called, and what runs it."""
    for engine in [None] if model == "float32" else ENGINES:
        for name, prepare in WAYS.items():
            # Inductor hands quantized modules back to PyTorch, piece by piece.
            if engine and prepare is compiled:
                continue
            try:
                if engine:
                    torch.backends.quantized.engine = engine
                # Integers are traced with few images: what they need for many is estimated first.
                run = prepare(make().eval(), example[:8] if engine else example)
                if engine and seconds(run, example) > 2:
                    print(f"{model}, {engine}, {name}: takes seconds", file=sys.stderr)
                    continue
                run(example)
            except Exception as error:
                print(f"{model}, {engine}, {name}: {error}", file=sys.stderr)
                continue
            yield f"{engine}, {name}" if engine else name, run


def trial(run, walk):
    """The least time of a walk, of as many as a fifth of a second has room for."""
    least, end = float("inf"), time.perf_counter() + 0.2
    while time.perf_counter() < end or least == float("inf"):
        start = time.perf_counter()
        for x in walk:
            run(x)
        least = min(least, time.perf_counter() - start)
    return least


def inference(model, make, images, labels, batch):
    """How many digits it reads right in batches of that size, which way is fastest, and what times it."""
    count = len(images)
    starts = [min(start, count - batch) for start in range(0, count, batch)]
    batches = [images[start : start + batch].contiguous() for start in starts]
    walk = batches[: max(1, WALK // batch)]
    settings, run = min(ways(model, make, batches[0]), key=lambda way: trial(way[1], walk))
    read = torch.empty(count, dtype=torch.long)
    for start, x in zip(starts, batches):
        read[start : start + batch] = run(x).argmax(1)

    def timed(runs):
        inputs = itertools.islice(itertools.cycle(walk), runs)
        start = time.perf_counter_ns()
        for x in inputs:
            run(x)
        return time.perf_counter_ns() - start

    return int((read == labels).sum()), settings, timed


def training(folder, fused):
    """Steps of Adam over the digits in batches, made before, again and again."""
    images, labels = digits(folder, "train")
    batches = itertools.cycle(list(zip(images.split(TRAINING_BATCH), labels.split(TRAINING_BATCH))))
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 10))
    adam = torch.optim.Adam(net.parameters(), lr=0.001, fused=fused)

    def timed(steps):
        with torch.inference_mode(False):
            start = time.perf_counter_ns()
            for x, y in itertools.islice(batches, steps):
                adam.zero_grad()
                cross_entropy(net(x), y).backward()
                adam.step()
            return time.perf_counter_ns() - start

    return timed


def main(folder, threads, wanted):
    warnings.simplefilter("ignore")
    torch.set_num_threads(threads)
    images, labels = digits(folder, "test")
    models = {
        "float32": lambda: float32(folder),
        "static": lambda: static(folder, "static"),
        "fused": lambda: static(folder, "fused"),
        "dynamic": lambda: dynamic(folder),
    }
    rows = []
    with torch.inference_mode():
        for model, make in ((model, make) for model, make in models.items() if model in wanted):
            for batch in [1, 64, 10_000] if threads == 1 else [10_000]:
                correct, settings, timed = inference(model, make, images, labels, batch)
                rows.append(timed)
                row = {"engine": "pytorch", "model": model, "batch": batch, "correct": correct, "settings": settings}
                say({"row": row | {"classified": len(labels)}})
        if threads == 1 and "train" in wanted:
            for engine, fused in [("pytorch", False), ("pytorch fused Adam", True)]:
                with torch.inference_mode(False):
                    rows.append(training(folder, fused))
                say({"row": {"engine": engine, "model": "train", "batch": TRAINING_BATCH}})
        say("ready")
        for line in sys.stdin:
            row, runs = map(int, line.split())
            say(rows[row](runs))


main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","))
