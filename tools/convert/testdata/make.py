"""Writes the files beside this one: python3 make.py. Needs torch and numpy.

song.pt   what a training run saves: a small SongUNet and its average, in half precision
song-*    x, t and out.npy: what the average answers in PyTorch
"""
import os, sys
import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "internal", "importer", "testdata"))
import make, networks

net = networks.EDM(8, 4, (1,), 1, (), channels=1).eval()
state = net.state_dict()
half = lambda root: {k: v if k in net.kept else make.fill(root + k, tuple(v.shape)).half() for k, v in state.items()}
model, ema = half("model."), half("ema.")
torch.save({"model": model, "ema": ema, "step": 1000}, os.path.join(HERE, "song.pt"))
net.load_state_dict({k: v.float() for k, v in ema.items()})
g = torch.Generator().manual_seed(2)
x, t = torch.randn(2, 1, 8, 8, generator=g), torch.tensor([-1.5, 0.9])
with torch.no_grad():
    out = net(x, t)
for name, v in dict(x=x, t=t, out=out).items():
    np.save(os.path.join(HERE, f"song-{name}.npy"), v.numpy())
