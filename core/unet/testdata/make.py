"""Writes the parity cases beside this file: python3 make.py. Needs torch.

NAME/config.json, NAME/model.safetensors   a network with diffusers' names, or those of NCSN's authors
NAME/case.safetensors                      x [N,C,H,W], t [N], y [N] (conditional only), out [N,C,H,W]
"""
import json, os, struct
import torch
import ncsn, unet2d


def write_safetensors(path, tensors):
    header, blobs, at = {}, [], 0
    for name, t in tensors.items():
        b = t.detach().contiguous().float().numpy().astype("<f4").tobytes()
        header[name] = dict(dtype="F32", shape=list(t.shape), data_offsets=[at, at + len(b)])
        blobs.append(b)
        at += len(b)
    h = json.dumps(header).encode()
    h += b" " * (-len(h) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(h)) + h + b"".join(blobs))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    for name in [*unet2d.CONFIGS, *ncsn.CONFIGS]:
        g = torch.Generator().manual_seed(1000)
        if name in ncsn.CONFIGS:
            net = ncsn.build(name)
            c = net.config
            x = torch.rand(3, c["channels"], c["image_size"], c["image_size"], generator=g)
            t = torch.tensor([0, 2, 4])
            with torch.no_grad():
                case = dict(x=x, t=t, out=net(x, t))
        else:
            net = unet2d.build(name)
            c = net.config
            x = torch.randn(3, c["in_channels"], c["sample_size"], c["sample_size"], generator=g)
            t = torch.tensor([0.0, 417.0, 999.0])
            y = torch.tensor([0, 3, 4]) if c["num_class_embeds"] else None
            with torch.no_grad():
                case = dict(x=x, t=t, out=net(x, t, y))
            if y is not None:
                case["y"] = y
        out = os.path.join(here, name)
        os.makedirs(out, exist_ok=True)
        with open(os.path.join(out, "config.json"), "w") as f:
            json.dump(c, f, indent=2)
            f.write("\n")
        write_safetensors(os.path.join(out, "model.safetensors"), net.state_dict())
        write_safetensors(os.path.join(out, "case.safetensors"), case)


if __name__ == "__main__":
    main()
