"""Writes this folder's files: python3 make.py (needs only Python and the zstd command).

It follows FORMAT.md and the safetensors specification and shares no code with the
package, which reads what it wrote: golden_test.go holds the numbers again.

mixed.safetensors                       every type that Tensor.Float32 reads, and I64 beside them
golden.json, golden.000.safetensors.zst a model of two shards, compressed by the reference zstd
golden.001.safetensors.zst
"""
import hashlib
import json
import struct
import subprocess


def safetensors(tensors, metadata=None):
    header, body = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, dtype, shape, data in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def bfloat16(values):
    return b"".join(struct.pack("<f", v)[2:] for v in values)


mixed = safetensors([
    ("f64", "F64", [2], struct.pack("<2d", 1.5, -2.25e-3)),
    ("i64", "I64", [1], struct.pack("<q", 1 << 40)),
    ("f32", "F32", [2, 1, 2], struct.pack("<4f", 0.1, -0.0, 3e38, 1e-45)),
    ("f16", "F16", [3], struct.pack("<3e", 65504, 6e-8, -0.333251953125)),
    ("bf16", "BF16", [2], bfloat16([-1.5, 2.0 ** 100])),
    ("scalar", "F32", [], struct.pack("<f", 7)),
    ("empty", "F32", [0, 4], b""),
], {"format": "pt"})
open("mixed.safetensors", "wb").write(mixed)

shards = []
for i, tensors in enumerate([
    [("conv.weight.scale", "F32", [2], struct.pack("<2f", 0.5, 0.0)),
     ("conv.bias", "F16", [2], struct.pack("<2e", 1, -2)),
     ("conv.weight", "I8", [2, 1, 1, 2], struct.pack("<4b", 127, -127, 0, 0))],
    [("norm.weight", "F32", [3], struct.pack("<3f", 1, 2, 4))],
]):
    raw = safetensors(tensors)
    data = subprocess.run(["zstd", "-19", "-c"], input=raw, stdout=subprocess.PIPE, check=True).stdout
    name = f"golden.{i:03d}.safetensors.zst"
    open(name, "wb").write(data)
    shards.append({"file": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "raw_bytes": len(raw)})

json.dump({
    "format": "tweedie-model",
    "version": 1,
    "name": "golden",
    "config": {"arch": "none", "note": "für Tests"},
    "card": {"license": "Apache-2.0"},
    "shards": shards,
    "later": "a member this version does not know",
}, open("golden.json", "w"), indent=1)
