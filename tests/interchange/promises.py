"""Holds digit8's files against other runtimes: what docs/onnx.md and docs/pytorch.md promise.

    python promises.py DIGIT8 DATA

DIGIT8 is the program, DATA a folder with MNIST's four files. onnxruntime has to be installed; onnxruntime-web is run where Node.js and
the npm package are there, PyTorch's scripts where torch is. The last lines count as Node.js's test runner does.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import onnx

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FLOAT = ROOT / "www/models/notebook-float32.safetensors"
DIGIT8, DATA = sys.argv[1:]
IMAGES = next(file for file in Path(DATA).iterdir() if file.name.startswith("t10k-images"))

# Schemes, granularities and widths: flags of `quantize`.
NETWORKS = {
    "static": ["--scheme", "static"],
    "static per channel": ["--scheme", "static", "--per-channel"],
    "fused": ["--scheme", "fused"],
    "fused per channel": ["--scheme", "fused", "--per-channel"],
    "dynamic": ["--scheme", "dynamic"],
    "fused, weights of 4 bits": ["--scheme", "fused", "--weight-bits", "4", "--per-channel"],
}


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(str(word) for word in command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def differing(report):
    """What differs in one line of a script's JSON, by layer."""
    layers = report.get("differ") or {name: found["differ"] for name, found in report["layers"].items()}
    return {name: count for name, count in layers.items() if count}


def exact(folder, flags):
    """An exact graph gives digit8's integers in every layer."""
    model, graph, layers = folder / "model.safetensors", folder / "exact.onnx", folder / "layers.npz"
    run(DIGIT8, "quantize", FLOAT, *flags, "--calibrate", "test", "--samples", "1000", "--data", DATA, "--out", model)
    run(DIGIT8, "export", model, "--onnx", "exact", "--all-layers", "--out", graph)
    onnx.checker.check_model(onnx.load(graph), full_check=True)
    run(DIGIT8, "dump", "--model", model, "--data", DATA, "--out", layers)
    for line in run(sys.executable, HERE / "onnxruntime_layers.py", graph, layers, IMAGES).splitlines():
        report = json.loads(line)
        assert not differing(report), f"onnxruntime, optimisations {report['optimisation']}: {differing(report)} differ"
    if shutil.which("node") and (ROOT / "node_modules/onnxruntime-web").is_dir():
        report = json.loads(run("node", HERE / "onnxruntime_web_layers.mjs", graph, layers, IMAGES))
        assert not differing(report), f"onnxruntime-web: {differing(report)} differ"


def pytorch(script):
    return lambda _folder: run(sys.executable, ROOT / "docs/pytorch" / script, DIGIT8, FLOAT, DATA)


def main():
    promises = {f"exact ONNX, {name}": lambda folder, flags=flags: exact(folder, flags) for name, flags in NETWORKS.items()}
    if find_spec("torch"):
        promises["PyTorch's quantized modules, both ways"] = pytorch("check.py")
    if find_spec("torchao"):
        promises["torchao's pt2e"] = pytorch("check_pt2e.py")
    failed = 0
    for name, promise in promises.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                promise(Path(folder))
                print(f"✔ {name}", flush=True)
            except AssertionError as error:
                failed += 1
                print(f"✖ {name}: {error}", flush=True)
    print(f"# pass {len(promises) - failed}\n# fail {failed}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
