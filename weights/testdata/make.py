"""Writes this folder's files: python3 make.py (needs only Python and the zstd command).

It follows FORMAT.md and the safetensors specification and shares no code with the
package that reads the files; golden_test.go has the expected numbers.

mixed.safetensors                       every type that Tensor.Float32 reads, and I64
golden.json, golden.000.safetensors.zst a model of two shards, compressed by the zstd command
golden.001.safetensors.zst
golden4.json, golden4.000.….zst         a model of version 2: int4, and F16 in byte planes
golden3.json                            golden.json as version 3, with its own SHA-256
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

def model(stem, version, groups, **members):
    shards = []
    for i, tensors in enumerate(groups):
        raw = safetensors(tensors)
        data = subprocess.run(["zstd", "-19", "-c"], input=raw, stdout=subprocess.PIPE, check=True).stdout
        name = f"{stem}.{i:03d}.safetensors.zst"
        open(name, "wb").write(data)
        shards.append({"file": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "raw_bytes": len(raw)})
    json.dump({"format": "tweedie-model", "version": version, "name": stem, "config": {"arch": "none", "note": "für Tests"},
               **members, "shards": shards, "later": "a member this version does not know"}, open(f"{stem}.json", "w"), indent=1)


model("golden", 1, [
    [("conv.weight.scale", "F32", [2], struct.pack("<2f", 0.5, 0.0)),
     ("conv.bias", "F16", [2], struct.pack("<2e", 1, -2)),
     ("conv.weight", "I8", [2, 1, 1, 2], struct.pack("<4b", 127, -127, 0, 0))],
    [("norm.weight", "F32", [3], struct.pack("<3f", 1, 2, 4))],
], card={"license": "Apache-2.0"})


def planes(values):
    halves = [struct.pack("<e", v) for v in values]
    return bytes(h[0] for h in halves) + bytes(h[1] for h in halves)


# Three output channels of 35 numbers, hence two groups: code = (3·row + column) mod 16 − 8.
def half(row, column):
    return (3 * row + column) % 16 if row < 3 else 0


scales = [0.5, 1, 2, 0.25, 65504, 0]
model("golden4", 2, [
    [("linear.bias.planes", "U8", [2, 3], planes([1, -2.5, 6e-8])),
     ("linear.weight", "U8", [2, 7, 5], bytes(half(2 * p, c) | half(2 * p + 1, c) << 4 for p in range(2) for c in range(35))),
     ("linear.weight.scale.planes", "U8", [2, 3, 2], planes(scales))],
])


def summed(text):
    """The manifest with its SHA-256: of the bytes with zeros in the place of its digits."""
    digits = hashlib.sha256(text.strip().encode()).hexdigest()
    return text.replace("0" * 64, digits, 1)


golden = json.load(open("golden.json"))
golden = {"format": golden["format"], "version": 3, "sha256": "0" * 64, **{k: v for k, v in golden.items() if k not in ("format", "version")}}
open("golden3.json", "w").write(summed(json.dumps(golden, indent=1)))
