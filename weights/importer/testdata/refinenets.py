"""Plain PyTorch score networks of Song & Ermon 2020 (arXiv:2006.09011), NCSNv2 and its
deeper versions, and the deeper version of NCSN, with the names of the authors'
checkpoints, written from their structure: independent references for the importer.

x spans [0,1]; t is the number of the noise level, the noisiest being 0.
"""
import math
import torch
import torch.nn as nn
import torch.nn.functional as F


class Norm(nn.Module):
    """Instance normalization++, of one gamma, alpha and beta, or of those of a level."""

    def __init__(self, c, levels):
        super().__init__()
        self.c = c
        if levels:
            self.embed = nn.Embedding(levels, 3 * c)
        else:
            self.alpha, self.gamma, self.beta = (nn.Parameter(torch.zeros(c)) for _ in range(3))

    def forward(self, x, t):
        if hasattr(self, "embed"):
            gamma, alpha, beta = self.embed(t.long()).chunk(3, 1)
        else:
            gamma, alpha, beta = self.gamma[None], self.alpha[None], self.beta[None]
        means = x.mean((2, 3))
        across = (means - means.mean(1, keepdim=True)) / (means.var(1, keepdim=True) + 1e-5).sqrt()
        h = F.instance_norm(x) + (across * alpha)[:, :, None, None]
        return gamma[:, :, None, None] * h + beta[:, :, None, None]


def conv(a, b, k=3, dilation=1, bias=True):
    return nn.Conv2d(a, b, k, padding=dilation * (k // 2), dilation=dilation, bias=bias)


class Halved(nn.Module):
    def __init__(self, a, b, k):
        super().__init__()
        self.conv = conv(a, b, k)

    def forward(self, x):
        return F.avg_pool2d(self.conv(x), 2)


class Block(nn.Module):
    def __init__(self, a, b, levels, down, dilation):
        super().__init__()
        width = a if down else b
        self.normalize1, self.normalize2 = Norm(a, levels), Norm(width, levels)
        self.conv1 = conv(a, width, dilation=dilation)
        halve = down and dilation == 1
        self.conv2 = Halved(width, b, 3) if halve else conv(width, b, dilation=dilation)
        if down:
            self.shortcut = Halved(a, b, 1) if halve else conv(a, b, dilation=dilation)

    def forward(self, x, t):
        h = self.conv1(F.elu(self.normalize1(x, t)))
        h = self.conv2(F.elu(self.normalize2(h, t)))
        return h + (self.shortcut(x) if hasattr(self, "shortcut") else x)


class Units(nn.Module):
    def __init__(self, c, n, levels):
        super().__init__()
        self.n = n
        for i in range(1, n + 1):
            for j in (1, 2):
                if levels:
                    self.add_module(f"{i}_{j}_norm", Norm(c, levels))
                self.add_module(f"{i}_{j}_conv", conv(c, c, bias=False))

    def forward(self, x, t):
        parts = dict(self.named_children())
        for i in range(1, self.n + 1):
            h = x
            for j in (1, 2):
                norm = parts.get(f"{i}_{j}_norm", lambda a, _: a)
                h = parts[f"{i}_{j}_conv"](F.elu(norm(h, t)))
            x = x + h
        return x


class Stages(nn.Module):
    """A list of convolutions, with norms where there are levels: a fusion, or a pooling."""

    def __init__(self, ins, out, levels, bias):
        super().__init__()
        self.convs = nn.ModuleList([conv(c, out, bias=bias) for c in ins])
        if levels:
            self.norms = nn.ModuleList([Norm(c, levels) for c in ins])

    def norm(self, i, x, t):
        return self.norms[i](x, t) if hasattr(self, "norms") else x


class Refine(nn.Module):
    def __init__(self, ins, out, levels, units):
        super().__init__()
        self.adapt_convs = nn.ModuleList([Units(c, 2, levels) for c in ins])
        self.output_convs = Units(out, units, levels)
        if len(ins) > 1:
            self.msf = Stages(ins, out, levels, True)
        self.crp = Stages([out, out], out, levels, False)
        self.levels = levels

    def forward(self, xs, t):
        xs = [a(x, t) for a, x in zip(self.adapt_convs, xs)]
        h = xs[0]
        if len(xs) > 1:
            hs = [c(self.msf.norm(i, x, t)) for i, (c, x) in enumerate(zip(self.msf.convs, xs))]
            h = sum(F.interpolate(h, xs[0].shape[2:], mode="bilinear", align_corners=True) for h in hs)
        path = h = F.elu(h)
        for i, c in enumerate(self.crp.convs):
            path = self.crp.norm(i, path, t)
            path = F.avg_pool2d(path, 5, 1, 2) if self.levels else F.max_pool2d(path, 5, 1, 2)
            path = c(path)
            h = h + path
        return self.output_convs(h, t)


class RefineNet(nn.Module):
    """cascades: (name, channels over ngf, goes down, dilation); refines: (name, channels over ngf)"""

    def __init__(self, ngf, cascades, refines, levels, channels=2, conditional=False):
        super().__init__()
        know = levels if conditional else 0
        self.order, self.conditional = ([c[0] for c in cascades], [r[0] for r in refines]), conditional
        if not conditional:
            self.register_buffer("sigmas", torch.tensor([math.exp(math.log(3) + i * math.log(0.02 / 3) / (levels - 1)) for i in range(levels)]))
            self.kept = ["sigmas"]
        self.begin_conv, self.normalizer, self.end_conv = conv(channels, ngf), Norm(ngf, know), conv(ngf, channels)
        c, widths = ngf, []
        for name, width, down, dilation in cascades:
            b = ngf * width
            self.add_module(name, nn.ModuleList([Block(c, b, know, down, dilation), Block(b, b, know, False, dilation)]))
            c = b
            widths.append(c)
        for i, (name, width) in enumerate(refines):
            ins = [widths.pop()] + ([c] if i else [])
            c = ngf * width
            self.add_module(name, Refine(ins, c, know, 3 if i == len(refines) - 1 else 1))

    def forward(self, x, t):
        parts, layers, h = dict(self.named_children()), [], self.begin_conv(2 * x - 1)
        for name in self.order[0]:
            for block in parts[name]:
                h = block(h, t)
            layers.append(h)
        for i, name in enumerate(self.order[1]):
            h = parts[name]([layers.pop()] + ([h] if i else []), t)
        h = self.end_conv(F.elu(self.normalizer(h, t)))
        return h if self.conditional else h / self.sigmas[t.long()][:, None, None, None]


SHALLOW = [("res1", 1, False, 1), ("res2", 2, True, 1), ("res3", 2, True, 2), ("res4", 2, True, 4)]
DEEPER = [("res1", 1, False, 1), ("res2", 2, True, 1), ("res3", 2, True, 1), ("res4", 4, True, 2), ("res5", 4, True, 4)]
DEEPEST = DEEPER[:3] + [("res31", 2, True, 1)] + DEEPER[3:]
REFINES = [("refine1", 4), ("refine2", 2), ("refine3", 2), ("refine4", 1), ("refine5", 1)]


def cases():
    return {
        "ncsnv2": (RefineNet(3, SHALLOW, [("refine1", 2), ("refine2", 2), ("refine3", 1), ("refine4", 1)], 7), 2, 12, [0.0, 5.0], None),
        "ncsnv2deeper": (RefineNet(3, DEEPER, REFINES, 7), 2, 12, [1.0, 6.0], None),
        "ncsnv2deepest": (RefineNet(3, DEEPEST, REFINES[:2] + [("refine31", 2)] + REFINES[2:], 7), 2, 16, [3.0, 4.0], None),
        "ncsndeeper": (RefineNet(3, DEEPER, REFINES, 7, conditional=True), 2, 12, [0.0, 6.0], None),
    }
