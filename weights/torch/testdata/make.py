"""Writes the files beside this one: python3 make.py. Needs torch and numpy.

NAME.pt is what torch.save writes; want.json says what is in each file, as PyTorch
reads it: {file: {tensor: [dtype, shape, [number, ...]]}}. refuse-NAME.pt must be refused.
"""
import argparse, collections, json, os, pickle
import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
DTYPES = dict(F32="float32", F64="float64", F16="float16", BF16="bfloat16", I64="int64", I32="int32", I16="int16", I8="int8", U8="uint8", BOOL="bool", C64="complex64")
NAMES = {getattr(torch, v): k for k, v in DTYPES.items()}


def dtypes():
    out = {}
    for name, dtype in DTYPES.items():
        v = torch.tensor([0.0, 1, -2, 3, 100.5, -0.375]).abs() if name in ("U8", "BOOL") else torch.tensor([0.0, 1, -2, 3, 100.5, -0.375])
        out[name] = v.to(getattr(torch, dtype)).reshape(2, 3)
    out["special"] = torch.tensor([float("inf"), float("-inf"), float("nan"), 1e-45, 3.4e38])
    out["scalar"] = torch.tensor(2.5)
    out["empty"] = torch.zeros(0, 3)
    return out


def views():
    base = torch.arange(60, dtype=torch.float32)
    cube = base[:24].reshape(2, 3, 4)
    half = torch.arange(12, dtype=torch.float16).reshape(3, 4)
    return {
        "whole": base, "part": base[10:20], "steps": base[1:40:3], "cube": cube, "turned": cube.permute(2, 0, 1), "column": cube[:, 1],
        "sliced": cube[:, ::2, 1:3], "repeated": base[:3].expand(4, 3), "half.transposed": half.t(), "diagonal": half.diagonal(),
        "channels_last": torch.arange(48, dtype=torch.float32).reshape(1, 3, 4, 4).to(memory_format=torch.channels_last),
    }


def nested():
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    with torch.no_grad():
        for i, p in enumerate(net.parameters()):
            p.copy_(torch.arange(p.numel(), dtype=torch.float32).reshape(p.shape) / 8 - i)
    weight = torch.nn.Parameter(torch.tensor([[1.0, 2.0]]))
    return {
        "model": net.state_dict(), "ema": {"shadow_params": [torch.ones(2), torch.zeros(1, 2)], "decay": 0.999, "num_updates": 12},
        "pair": (torch.tensor([7]), "text"), 5: {"parameter": weight}, "step": 1000, "big": 2 ** 70, "none": None, "flag": True,
        "size": torch.Size([1, 2]), "again": collections.OrderedDict([("x", weight)]),
    }


def flat(value, name=""):
    join = lambda k: f"{name}.{k}" if name else str(k)
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, dict):
        for k, v in value.items():
            yield from flat(v, join(k))
    elif isinstance(value, (list, tuple)):
        for i, v in enumerate(value):
            yield from flat(v, join(i))


def save(name, value, location=None, **options):
    path = os.path.join(HERE, name + ".pt")
    usual = torch.serialization.location_tag
    if location:  # as on a machine that has the device
        torch.serialization.location_tag = lambda storage: location
    torch.save(value, path, **options)
    torch.serialization.location_tag = usual


def legacy_part():
    """A storage that is a part of another, as PyTorch before 0.4 saved tensors' parts: from its number 2 on, 4 numbers."""
    save("legacy-part", {"part": torch.arange(6, dtype=torch.float32)[:4].reshape(2, 2)}, _use_new_zipfile_serialization=False)
    path = os.path.join(HERE, "legacy-part.pt")
    with open(path, "rb") as f:
        data = f.read()
    whole, part = b"K\x06Nt", b"K\x06(X\x01\x00\x00\x00vK\x02K\x04tt"
    assert data.count(whole) == 1
    with open(path, "wb") as f:
        f.write(data.replace(whole, part))
    return path


class Runs:
    def __reduce__(self):
        return os.system, ("touch /tmp/tweedie-was-here",)


def main():
    legacy = dict(_use_new_zipfile_serialization=False)
    made = {
        "dtypes": (dtypes(), {}), "views": (views(), {}), "nested": (nested(), {}), "protocol4": (nested(), dict(pickle_protocol=4)),
        "cuda": (views(), dict(location="cuda:1")), "mps": ({"x": torch.ones(2, dtype=torch.bfloat16)}, dict(location="mps")),
        "legacy-dtypes": (dtypes(), legacy), "legacy-views": (views(), legacy), "legacy-nested": (nested(), legacy),
        "legacy-cuda": (views(), dict(location="cuda:0", **legacy)),
    }
    want = {"legacy-part.pt": {"part": ["F32", [2, 2], [repr(float(v)) for v in torch.load(legacy_part())["part"].flatten()]]}}
    for name, (value, options) in made.items():
        save(name, value, **options)
        path = os.path.join(HERE, name + ".pt")
        read = value if "location" in options else torch.load(path)
        want[name + ".pt"] = {}
        for key, t in flat(read):
            numbers = torch.view_as_real(t) if t.is_complex() else t
            want[name + ".pt"][key] = [NAMES[t.dtype], list(t.shape), [repr(float(v)) for v in numbers.detach().double().flatten()]]
    with open(os.path.join(HERE, "want.json"), "w") as f:
        json.dump(want, f, indent=0, sort_keys=True)
        f.write("\n")
    save("refuse-system", {"x": Runs()})
    save("refuse-legacy-system", {"x": Runs()}, **legacy)
    save("aside-namespace", {"args": argparse.Namespace(a=1), "x": torch.ones(1)})
    save("refuse-module", torch.nn.Linear(1, 1))
    save("refuse-numpy", {"x": np.ones(3)})


if __name__ == "__main__":
    main()
