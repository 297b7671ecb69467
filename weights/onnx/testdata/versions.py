"""Writes versions.json: outputs of PyTorch for the operators that versions 18 to 23 of ONNX add or
change. The graphs are in versions_test.go. The input is that of its function picture.

    python3 versions.py
"""
import json
import math
import os

import torch
import torch.nn.functional as F

x = torch.tensor([((i * 13) % 32) / 3 - 5.5 for i in range(32)]).reshape(1, 2, 4, 4)
ramp = torch.arange(8.0)


def attention(q, k, v, mask=None):
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(-1) @ v


heads = x.reshape(1, 4, 2, 4).transpose(1, 2)  # two heads of [1,4,8]
channels = x.reshape(1, 8, 2, 2)
groups = F.group_norm(channels, 4)
causal = torch.ones(4, 4, dtype=torch.bool).tril()
out = {
    "linear, filtered": F.interpolate(x, size=(2, 3), mode="bilinear", antialias=True),
    "cubic, filtered": F.interpolate(x, size=(2, 3), mode="bicubic", antialias=True),
    "cubic, smaller": F.interpolate(x, size=(3, 2), mode="bicubic"),
    "cubic, larger": F.interpolate(x[:, :, :2, :2], size=(3, 5), mode="bicubic"),
    "cubic, corners": F.interpolate(x, size=(3, 2), mode="bicubic", align_corners=True),
    "not larger": F.interpolate(x, scale_factor=0.5, mode="bilinear"),
    "mean of axes": x.mean((2, 3)),
    "halves": x[..., 2:] - x[..., :2],
    "padded axis": F.pad(x, (-1, 1), value=3.0),
    "scale of a group": groups * torch.arange(4.0).repeat_interleave(2)[None, :, None, None] + 1,
    "scale of a channel": groups * ramp[None, :, None, None] + 1,
    "gelu": F.gelu(x),
    "gelu, tanh": F.gelu(x, approximate="tanh"),
    "mish": F.mish(x),
    "rms": x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * torch.arange(4.0),
    "attention": attention(x, x * 0.5, x + 1),
    "attention, causal": attention(x, x * 0.5, x + 1, causal),
    "attention, masked": attention(x, x * 0.5, x + 1, (x > 0)[:, :1] | torch.eye(4, dtype=torch.bool)),
    "attention, flat": attention(heads, heads * 0.5, heads + 1).transpose(1, 2).reshape(1, 4, 8),
    "attention, shared": attention(x, (x * 0.5)[:, 1:], (x + 1)[:, 1:]),
    "sums": x.cumsum(2),
    "triangle": x.tril(1),
}
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "versions.json"), "w") as f:
    lines = ['%s: %s' % (json.dumps(k), json.dumps([float("%.7g" % n) for n in v.flatten().tolist()])) for k, v in sorted(out.items())]
    f.write("{\n" + ",\n".join(lines) + "\n}\n")
