"""Plain PyTorch networks with the parameters' names and the arithmetic of well-known
programs, written from their structure: independent references for the importer.
"""
import math
import torch
import torch.nn as nn
import torch.nn.functional as F


def sinusoids(t, width, shift=1.0, cosine_first=False):
    half = width // 2
    a = t.float()[:, None] * torch.exp(-math.log(10000) * torch.arange(half) / (half - shift))
    return torch.cat([a.cos(), a.sin()] if cosine_first else [a.sin(), a.cos()], 1)


def attend(q, k, v, heads):
    """Attention over the last axis of [N, C, L]."""
    n, c, length = q.shape
    split = lambda a: a.reshape(n, heads, c // heads, -1)
    w = torch.softmax(split(q).transpose(2, 3) @ split(k) / math.sqrt(c // heads), -1)
    return (split(v) @ w.transpose(2, 3)).reshape(n, c, length)


class Modules(nn.Module):
    """A module that holds others by name."""

    def __init__(self, **children):
        super().__init__()
        for name, child in children.items():
            if child is not None:
                self.add_module(name, child)


class DDPM(nn.Module):
    """The PyTorch port of Ho et al. 2020, and DDIM's network."""

    def __init__(self, ch, mult, layers, attention, channels=3):
        super().__init__()
        norm = lambda c: nn.GroupNorm(32, c, 1e-6)

        def block(cin, cout):
            return Modules(norm1=norm(cin), conv1=nn.Conv2d(cin, cout, 3, padding=1), temb_proj=nn.Linear(4 * ch, cout), norm2=norm(cout),
                           conv2=nn.Conv2d(cout, cout, 3, padding=1), nin_shortcut=nn.Conv2d(cin, cout, 1) if cin != cout else None)

        def attn(c):
            return Modules(norm=norm(c), **{name: nn.Conv2d(c, c, 1) for name in ("q", "k", "v", "proj_out")})

        self.ch, self.temb = ch, Modules(dense=nn.ModuleList([nn.Linear(ch, 4 * ch), nn.Linear(4 * ch, 4 * ch)]))
        self.conv_in = nn.Conv2d(channels, ch, 3, padding=1)
        self.down, widths, c = nn.ModuleList(), [ch], ch
        for i, m in enumerate(mult):
            level = Modules(block=nn.ModuleList(), attn=nn.ModuleList(), downsample=None)
            for _ in range(layers):
                level.block.append(block(c, ch * m))
                c = ch * m
                if i in attention:
                    level.attn.append(attn(c))
                widths.append(c)
            if i < len(mult) - 1:
                level.downsample = Modules(conv=nn.Conv2d(c, c, 3, stride=2))
                widths.append(c)
            self.down.append(level)
        self.mid = Modules(block_1=block(c, c), attn_1=attn(c), block_2=block(c, c))
        ups = []
        for i in reversed(range(len(mult))):
            level = Modules(block=nn.ModuleList(), attn=nn.ModuleList(), upsample=None)
            for _ in range(layers + 1):
                level.block.append(block(c + widths.pop(), ch * mult[i]))
                c = ch * mult[i]
                if i in attention:
                    level.attn.append(attn(c))
            if i > 0:
                level.upsample = Modules(conv=nn.Conv2d(c, c, 3, padding=1))
            ups.insert(0, level)
        self.up = nn.ModuleList(ups)
        self.norm_out, self.conv_out = norm(c), nn.Conv2d(c, channels, 3, padding=1)

    def residual(self, b, x, e):
        h = b.conv1(F.silu(b.norm1(x))) + b.temb_proj(F.silu(e))[:, :, None, None]
        h = b.conv2(F.silu(b.norm2(h)))
        return h + (b.nin_shortcut(x) if hasattr(b, "nin_shortcut") else x)

    def attention(self, a, x):
        h = a.norm(x)
        h = attend(a.q(h).flatten(2), a.k(h).flatten(2), a.v(h).flatten(2), 1)
        return x + a.proj_out(h.reshape(x.shape))

    def forward(self, x, t):
        e = self.temb.dense[1](F.silu(self.temb.dense[0](sinusoids(t, self.ch))))
        h = self.conv_in(x)
        stack = [h]
        for level in self.down:
            for i, b in enumerate(level.block):
                h = self.residual(b, h, e)
                if len(level.attn):
                    h = self.attention(level.attn[i], h)
                stack.append(h)
            if hasattr(level, "downsample") and level.downsample is not None:
                h = level.downsample.conv(F.pad(h, (0, 1, 0, 1)))
                stack.append(h)
        h = self.residual(self.mid.block_2, self.attention(self.mid.attn_1, self.residual(self.mid.block_1, h, e)), e)
        for level in reversed(self.up):
            for i, b in enumerate(level.block):
                h = self.residual(b, torch.cat([h, stack.pop()], 1), e)
                if len(level.attn):
                    h = self.attention(level.attn[i], h)
            if hasattr(level, "upsample") and level.upsample is not None:
                h = level.upsample.conv(F.interpolate(h, scale_factor=2.0, mode="nearest"))
        return self.conv_out(F.silu(self.norm_out(h)))


def cases():
    """name: (network, channels of the picture, its side, times, classes)"""
    return {
        "ddpm": (DDPM(32, (1, 2), 1, (1,)), 3, 8, [0.0, 417.0], None),
    }
