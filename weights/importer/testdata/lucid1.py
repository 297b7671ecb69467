"""lucidrains' Unet of version 1 in plain PyTorch, with the names of its checkpoints, written
from its structure: as of its first releases, of 1.3 to 1.6, and of 1.8.
"""
import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from networks import Modules, sinusoids


class Standardised(nn.Conv2d):
    def forward(self, x):
        w = self.weight
        w = (w - w.mean((1, 2, 3), keepdim=True)) / (w.var((1, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
        return F.conv2d(x, w, self.bias, padding=1)


class Norm(nn.Module):
    def __init__(self, c, old):
        super().__init__()
        self.old, self.g = old, nn.Parameter(torch.ones(1, c, 1, 1))

    def forward(self, x):
        if self.old:
            return (x - x.mean(1, keepdim=True)) / (x.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt() * self.g
        return F.normalize(x, dim=1) * self.g * math.sqrt(x.shape[1])


class Attention(nn.Module):
    def __init__(self, c, linear, old, heads=4, d=32):
        super().__init__()
        self.heads, self.linear, self.old = heads, linear, old
        inner = nn.Module()
        inner.to_qkv = nn.Conv2d(c, 3 * heads * d, 1, bias=False)
        out = nn.Conv2d(heads * d, c, 1)
        inner.to_out = nn.Sequential(out, Norm(c, old)) if linear else out
        if old:  # Residual(PreNorm(inner))
            self.fn = Modules(fn=inner, norm=Norm(c, old))
        else:
            self.norm, self.to_qkv, self.to_out = Norm(c, old), inner.to_qkv, inner.to_out

    def forward(self, x):
        inner, norm = (self.fn.fn, self.fn.norm) if self.old else (self, self.norm)
        n, c, h, w = x.shape
        q, k, v = (a.reshape(n, self.heads, -1, h * w) for a in inner.to_qkv(norm(x)).chunk(3, 1))
        scale = q.shape[2] ** -0.5
        if self.linear:
            v = v / (h * w) if self.old else v
            context = torch.einsum("nhdl,nhel->nhde", k.softmax(3), v)
            o = torch.einsum("nhde,nhdl->nhel", context, q.softmax(2) * scale)
        else:
            o = torch.einsum("nhij,nhdj->nhdi", torch.einsum("nhdi,nhdj->nhij", q * scale, k).softmax(3), v)
        return x + inner.to_out(o.reshape(n, -1, h, w))


class Unet(nn.Module):
    def __init__(self, dim, mult, old, folded, own=False, channels=3):
        super().__init__()
        self.dim, self.own, self.folded, dims = dim, own, folded, [dim] + [dim * m for m in mult]

        def block(a, b):
            half = lambda c: Modules(proj=(Standardised if old else nn.Conv2d)(c, b, 3, padding=1), norm=nn.GroupNorm(8, b))
            return Modules(mlp=nn.Sequential(nn.SiLU(), nn.Linear(4 * dim, 2 * b)), block1=half(a), block2=half(b), res_conv=nn.Conv2d(a, b, 1) if a != b else None)

        def down(a, b):
            return nn.Sequential(nn.Identity(), nn.Conv2d(4 * a, b, 1)) if folded else nn.Conv2d(a, b, 4, 2, 1)

        self.init_conv = nn.Conv2d(channels * (1 + own), dim, 7, padding=3)
        self.time_mlp = nn.Sequential(nn.Identity(), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, 4 * dim))
        pairs, last = list(zip(dims[:-1], dims[1:])), len(mult) - 1
        full = lambda i: not old and i == last
        self.downs = nn.ModuleList([nn.ModuleList([block(a, a), block(a, a), Attention(a, not full(i), old), down(a, b) if i < last else nn.Conv2d(a, b, 3, padding=1)])
                                    for i, (a, b) in enumerate(pairs)])
        c = dims[-1]
        self.mid_block1, self.mid_attn, self.mid_block2 = block(c, c), Attention(c, False, old), block(c, c)
        self.ups = nn.ModuleList([nn.ModuleList([block(a + b, b), block(a + b, b), Attention(b, not full(last - i), old),
                                  nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(b, a, 3, padding=1)) if i < last else nn.Conv2d(b, a, 3, padding=1)])
                                  for i, (a, b) in enumerate(reversed(pairs))])
        self.final_res_block, self.final_conv = block(2 * dim, dim), nn.Conv2d(dim, channels, 1)

    def residual(self, b, x, t):
        scale, shift = b.mlp(t)[:, :, None, None].chunk(2, 1)
        h = F.silu(b.block1.norm(b.block1.proj(x)) * (scale + 1) + shift)
        h = F.silu(b.block2.norm(b.block2.proj(h)))
        return h + (b.res_conv(x) if hasattr(b, "res_conv") else x)

    def forward(self, x, t):
        t = self.time_mlp(sinusoids(t, self.dim))
        if self.own:
            x = torch.cat([torch.zeros_like(x), x], 1)
        x = self.init_conv(x)
        stack = [x]
        for i, (b1, b2, attention, down) in enumerate(self.downs):
            x = self.residual(b1, x, t)
            stack.append(x)
            x = attention(self.residual(b2, x, t))
            stack.append(x)
            x = down(F.pixel_unshuffle(x, 2) if self.folded and i < len(self.downs) - 1 else x)
        x = self.residual(self.mid_block2, self.mid_attn(self.residual(self.mid_block1, x, t)), t)
        for b1, b2, attention, up in self.ups:
            x = self.residual(b1, torch.cat([x, stack.pop()], 1), t)
            x = up(attention(self.residual(b2, torch.cat([x, stack.pop()], 1), t)))
        return self.final_conv(self.residual(self.final_res_block, torch.cat([x, stack.pop()], 1), t))


def cases():
    return {
        "lucid10": (Unet(16, (1, 2), True, False), 3, 8, [3.0, 417.0], None),
        "lucid16": (Unet(16, (1, 2), True, True, own=True), 3, 8, [3.0, 417.0], None),
        "lucid18": (Unet(16, (1, 2), False, True), 3, 8, [3.0, 417.0], None),
    }
