"""Times PyTorch's training step: python3 train.py NAME BATCH THREADS.

A step is forward, backward and AdamW on one batch of noise. For every line of standard
input, a number of milliseconds, it trains for at least that long and answers with a line
of JSON: the milliseconds of each step.
"""
import json, sys, time
import torch
from networks import CONFIGS, build

name, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
net = build(name).train()
optimizer = torch.optim.AdamW(net.parameters(), 1e-4)
c = CONFIGS[name]
x = torch.randn(batch, c["in_channels"], c["sample_size"], c["sample_size"])
t, eps = torch.rand(batch) * 1000, torch.randn_like(x)


def step():
    start = time.perf_counter()
    loss = ((net(x, t) - eps) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return 1000 * (time.perf_counter() - start)


for line in sys.stdin:
    times, began = [], time.perf_counter()
    while not times or 1000 * (time.perf_counter() - began) < float(line):
        times.append(step())
    print(json.dumps(times), flush=True)
