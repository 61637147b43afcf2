"""Between PyTorch's quantized modules (torch.ao.quantization, eager mode) and digit8's int8 files.

`save` writes a converted model as a file that every digit8 command reads; `load` makes PyTorch's own quantized modules of such a
file. Both keep every integer, scale and zero point, so that both sides compute the same integers (engine x86).
"""

import json

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.ao.nn import quantized as nnq
from torch.ao.nn.intrinsic import quantized as nniq

LAYERS = ("linear1", "linear2", "linear3")


def save(model, path):
    """Writes a model that `torch.ao.quantization.convert` made: `quant`, `linear1` … `linear3`, with fused ReLUs or without."""
    fused = isinstance(model.linear1, nniq.LinearReLU)
    tensors = {}
    per_channel = False
    for name in LAYERS:
        layer = getattr(model, name)
        weight, bias = layer._weight_bias()
        per_channel = weight.qscheme() in (torch.per_channel_affine, torch.per_channel_symmetric)
        scale = weight.q_per_channel_scales() if per_channel else torch.tensor([weight.q_scale()])
        tensors[f"{name}.weight"] = weight.int_repr()
        tensors[f"{name}.weight_scale"] = scale.to(torch.float32)
        tensors[f"{name}.bias"] = bias.detach()
        tensors[f"{name}.scale"] = torch.tensor([layer.scale], dtype=torch.float32)
        tensors[f"{name}.zero_point"] = torch.tensor([layer.zero_point])
    tensors["quant.scale"] = model.quant.scale.to(torch.float32)
    tensors["quant.zero_point"] = model.quant.zero_point.to(torch.int64)
    info = {
        "scheme": "fused" if fused else "static",
        "granularity": "per-channel" if per_channel else "per-tensor",
    }
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(tensors, path, metadata={"digit8": json.dumps(info)})


class Quantized(nn.Module):
    """A digit8 file as PyTorch's own modules: normalised pixels `[batch, 784]` in, logits `[batch, 10]` out."""

    def __init__(self, tensors, fused):
        super().__init__()
        self.quant = nnq.Quantize(tensors["quant.scale"], tensors["quant.zero_point"], torch.quint8)
        self.relu = nn.Identity() if fused else nn.ReLU()
        for name in LAYERS:
            outputs, inputs = tensors[f"{name}.weight"].shape
            kind = nniq.LinearReLU if fused and name != "linear3" else nnq.Linear
            layer = kind(inputs, outputs)
            layer.set_weight_bias(quantized_weight(tensors, name), tensors[f"{name}.bias"])
            layer.scale = tensors[f"{name}.scale"].item()
            layer.zero_point = tensors[f"{name}.zero_point"].item()
            setattr(self, name, layer)
        self.dequant = nnq.DeQuantize()

    def forward(self, x):
        x = self.relu(self.linear1(self.quant(x)))
        x = self.relu(self.linear2(x))
        return self.dequant(self.linear3(x))


def quantized_weight(tensors, name):
    """The weights of a layer as a quantized tensor, without rounding anything again."""
    integers, scale = tensors[f"{name}.weight"], tensors[f"{name}.weight_scale"].to(torch.float64)
    if len(scale) == 1:
        return torch._make_per_tensor_quantized_tensor(integers, scale.item(), 0)
    zeros = torch.zeros(len(scale), dtype=torch.int64)
    return torch._make_per_channel_quantized_tensor(integers, scale, zeros, 0)


def load(path):
    """PyTorch's quantized modules for a static or fused digit8 file of 8-bit weights."""
    with safe_open(path, "pt") as file:
        info = json.loads(file.metadata()["digit8"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    if info["scheme"] not in ("static", "fused"):
        raise ValueError(f"{path} is {info['scheme']}; static and fused networks have quantized modules")
    return Quantized(tensors, info["scheme"] == "fused").eval()


def save_pt2e(graph, path, logits):
    """Writes the graph module that torchao's `convert_pt2e` made of three linear layers with ReLU.

    torchao leaves the last layer's outputs real, so it has no scale for them; digit8's static networks have one. It is chosen here from
    `logits` (any number of the graph's own outputs), on 0..255.
    """
    calls = [node for node in graph.graph.nodes if node.op == "call_function"]
    operator = lambda node: str(node.target)
    rounded = [node.args[1:3] for node in calls if operator(node).startswith("quantized_decomposed.quantize_per_tensor")]
    matrices = [node for node in calls if operator(node).startswith("quantized_decomposed.dequantize_per_channel")]
    linears = [node for node in calls if operator(node).startswith("aten.linear")]
    if (len(rounded), len(matrices), len(linears)) != (3, 3, 3):
        raise ValueError("expected three linear layers, each with quantized inputs and weights per channel")

    def constant(node):
        value = graph
        for name in node.target.split("."):
            value = getattr(value, name)
        return value.detach()

    low, high = min(logits.min().item(), 0), max(logits.max().item(), 0)
    rounded.append(((high - low) / 255, round(-low / (high - low) * 255)))
    tensors = {}
    for name, matrix, linear in zip(LAYERS, matrices, linears):
        weight, scale = matrix.args[:2]
        tensors[f"{name}.weight"] = constant(weight)
        tensors[f"{name}.weight_scale"] = constant(scale).to(torch.float32)
        tensors[f"{name}.bias"] = constant(linear.args[2])
    for name, (scale, zero_point) in zip(("quant", *LAYERS), rounded):
        tensors[f"{name}.scale"] = torch.tensor([scale], dtype=torch.float32)
        tensors[f"{name}.zero_point"] = torch.tensor([zero_point])
    info = {"scheme": "fused", "granularity": "per-channel"}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata={"digit8": json.dumps(info)})
