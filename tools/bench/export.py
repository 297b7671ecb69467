"""Writes the measured networks for both sides, with the same weights: python3 export.py OUT.

OUT/NAME/                a diffusers folder, for tweedie convert
OUT/NAME-BATCH.onnx      the network for batches of 1 and of 16, for ONNX Runtime
OUT/NAME.x               16 images [C,H,W], float32, for both

Needs torch (Debian: python3-torch).
"""
import json, os, sys, warnings
import torch
from networks import CONFIGS, build
from make import write_safetensors

out = sys.argv[1]
warnings.simplefilter("ignore")  # of tracing: every shape is fixed
for name, c in CONFIGS.items():
    net = build(name)
    folder = os.path.join(out, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(c, f)
    write_safetensors(os.path.join(folder, "diffusion_pytorch_model.safetensors"), net.state_dict())
    x = torch.randn(16, c["in_channels"], c["sample_size"], c["sample_size"], generator=torch.Generator().manual_seed(1))
    x.numpy().astype("<f4").tofile(os.path.join(out, name + ".x"))
    for batch in (1, 16):
        torch.onnx.export(net, (x[:batch], torch.full((batch,), 500.0)), os.path.join(out, f"{name}-{batch}.onnx"),
                          input_names=["x", "t"], output_names=["y"], opset_version=14)
    print(name, file=sys.stderr)
