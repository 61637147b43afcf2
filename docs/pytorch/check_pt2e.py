"""Quantizes a network with torchao's pt2e (X86InductorQuantizer), brings it to digit8, and counts the integers that differ.

    python check_pt2e.py DIGIT8 STATE_DICT.safetensors DATA

The arguments are check.py's. The graph that pt2e leaves multiplies real numbers and divides by scales in float32, where digit8
multiplies integers as PyTorch's x86 engine does, so a few integers land on the other side of a tie: this says how many.
"""

import sys
import tempfile
from pathlib import Path

import torch
import torchao.quantization.pt2e.quantizer.x86_inductor_quantizer as x86
from safetensors.torch import load_file
from torch import nn
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

import digit8_torch
from check import dumped, images


class Net(nn.Module):
    def __init__(self, state):
        super().__init__()
        for name in digit8_torch.LAYERS:
            outputs, inputs = state[f"{name}.weight"].shape
            setattr(self, name, nn.Linear(inputs, outputs))
        self.load_state_dict(state)

    def forward(self, x):
        return self.linear3(torch.relu(self.linear2(torch.relu(self.linear1(x)))))


def integers(graph, x):
    """What the three quantize operators put out."""
    found = []

    class Keep(torch.fx.Interpreter):
        def run_node(self, node):
            value = super().run_node(node)
            if str(node.target).startswith("quantized_decomposed.quantize_per_tensor"):
                found.append(value.numpy())
            return value

    logits = Keep(graph).run(x)
    return dict(zip(("quant", "linear1", "linear2"), found)), logits[0] if isinstance(logits, tuple) else logits


def main():
    digit8, state, data = sys.argv[1], load_file(sys.argv[2]), Path(sys.argv[3])
    train, test = images(data, "train")[:1000], images(data, "t10k")
    quantizer = x86.X86InductorQuantizer()
    quantizer.set_global(x86.get_default_x86_inductor_quantization_config())
    exported = torch.export.export(Net(state).eval(), (train,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    graph = prepare_pt2e(exported.module(), quantizer)
    graph(train)
    graph = convert_pt2e(graph)
    theirs, logits = integers(graph, test)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "int8.safetensors"
        digit8_torch.save_pt2e(graph, file, logits)
        ours = dumped(digit8, file, data, Path(folder) / "layers.npz")
    for name, values in theirs.items():
        print(f"{name}: {int((values != ours[name]).sum())} of {values.size} integers differ")
    digits = int((ours["dequant"].argmax(1) != logits.detach().numpy().argmax(1)).sum())
    print(f"{digits} of {len(test)} digits are read otherwise (digit8 rounds the logits to integers, too)")


if __name__ == "__main__":
    main()
