"""Runs an ONNX file that `digit8 export --all-layers` has written in onnxruntime, and counts the values that differ from
those of `digit8 dump`, layer by layer.

    python onnxruntime_layers.py MODEL.onnx LAYERS.npz IMAGES [--batch N]

IMAGES is MNIST's images file (idx3-ubyte, or .gz of it). Prints one JSON object for each level of graph optimisation, and fails
only if something cannot be run: how many differences are right is for the caller to say.
"""

import argparse
import gzip
import json
from pathlib import Path

import numpy as np
import onnxruntime as ort

LEVELS = {
    "disabled": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


def images(path):
    data = Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if int.from_bytes(data[:4], "big") != 2051:
        raise SystemExit(f"{path}: no file of images")
    return np.frombuffer(data, np.uint8, offset=16).reshape(-1, 784)


def session(model, level):
    options = ort.SessionOptions()
    options.graph_optimization_level = LEVELS[level]
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("layers")
    parser.add_argument("images")
    parser.add_argument("--batch", type=int, default=1, help="images at a time; it matters where the scheme is dynamic")
    args = parser.parse_args()
    expected = dict(np.load(args.layers))
    pixels = images(args.images)
    for level in LEVELS:
        run = session(args.model, level)
        names = [output.name for output in run.get_outputs()]
        batches = [
            run.run(names, {"pixels": pixels[at : at + args.batch]}) for at in range(0, len(pixels), args.batch)
        ]
        found = {name: np.concatenate(parts) for name, parts in zip(names, zip(*batches))}
        layers = {}
        for name, values in expected.items():
            other = found["logits" if name == "dequant" else name]
            differ = values != other
            steps = np.abs(values.astype(np.float64) - other.astype(np.float64))
            layers[name] = {"differ": int(differ.sum()), "of": int(values.size), "most": float(steps.max())}
        last = expected.get("dequant", expected.get("linear3"))
        digits = int((found["logits"].argmax(1) != last.argmax(1)).sum())
        print(json.dumps({"optimisation": level, "layers": layers, "digits": digits}))


if __name__ == "__main__":
    main()
