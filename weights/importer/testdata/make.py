"""Writes the parity cases in this folder: python3 make.py. Needs torch.

NAME.safetensors contains x [N,C,H,W], t [N], y [N] (if there are classes) and out, the
output of the network NAME in PyTorch. The network's parameters are not stored but computed
from their names (fill). The file's metadata has their names and shapes, in PyTorch's order,
under "parameters", and the content of config.json under "config".
"""
import json, os, struct
import numpy as np
import torch
import networks, lucid1, refinenets, unet2dmodel


def fill(name, shape):
    """Reproducible numbers: Murmur3's finalizer applied to a counter."""
    seed = 2166136261
    for b in name.encode():
        seed = (seed ^ b) * 16777619 % 2 ** 32
    n = int(np.prod(shape, dtype=np.int64))
    x = (np.arange(n, dtype=np.uint64) + seed) % 2 ** 32
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = ((x ^ (x >> np.uint64(shift))) * np.uint64(factor)) % 2 ** 32
    u = (x ^ (x >> np.uint64(16))).astype(np.float64) / 2 ** 31 - 1
    if np.count_nonzero(np.array(shape) > 1) <= 1:  # biases, and norms' scales
        v = 0.2 * u + (1 if name.endswith((".weight", ".g", ".gamma", ".alpha")) else 0)
    else:
        v = u * np.sqrt(3 / np.prod(shape[1:]))
    return torch.from_numpy(v.astype(np.float32).reshape(shape))


def write_safetensors(path, tensors, metadata):
    header, blobs, at = {"__metadata__": metadata}, [], 0
    for name, t in tensors.items():
        b = t.detach().contiguous().float().numpy().astype("<f4").tobytes()
        header[name] = dict(dtype="F32", shape=list(t.shape), data_offsets=[at, at + len(b)])
        blobs.append(b)
        at += len(b)
    h = json.dumps(header, separators=(",", ":")).encode()
    h += b" " * (-len(h) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(h)) + h + b"".join(blobs))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    for name, (net, channels, size, times, classes) in {**networks.cases(), **lucid1.cases(), **refinenets.cases(), **unet2dmodel.cases()}.items():
        state = net.state_dict()
        for key in state:
            if key not in getattr(net, "kept", ()):
                state[key] = fill(key, tuple(state[key].shape))
        net.load_state_dict(state)
        net.eval()
        g = torch.Generator().manual_seed(1)
        case = dict(x=torch.randn(2, channels, size, size, generator=g), t=torch.tensor(times))
        args = [case["x"], case["t"]]
        if classes:
            case["y"] = torch.tensor(classes)
            args.append(case["y"].long())
        with torch.no_grad():
            case["out"] = net(*args)
        parameters = json.dumps([[k, list(v.shape)] for k, v in state.items()], separators=(",", ":"))
        config = dict(config=json.dumps(net.config)) if hasattr(net, "config") else {}
        kept = {k: v for k, v in state.items() if k in getattr(net, "kept", ())}
        write_safetensors(os.path.join(here, name + ".safetensors"), {**case, **{"kept." + k: v for k, v in kept.items()}}, dict(parameters=parameters, **config))
        print(name, sum(v.numel() for v in state.values()), "parameters, output of deviation", case["out"].std().item())


if __name__ == "__main__":
    main()
