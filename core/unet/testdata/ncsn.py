"""A plain PyTorch noise conditional score network, written from Song & Ermon 2019
(arXiv:1907.05600, appendix A) and RefineNet (Lin et al. 2017, arXiv:1611.06612), with the
tensor names and the arithmetic of the authors' checkpoints. It is an independent
reference: nothing of it is shared with the program that it checks.

The image spans [0,1]; y is the number of the noise level. Shapes are [N,C,H,W].
"""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Norm(nn.Module):
    """Conditional instance normalisation ++: one row [gamma, alpha, beta] a level."""

    def __init__(self, c, levels):
        super().__init__()
        self.embed = nn.Embedding(levels, 3 * c)
        nn.init.normal_(self.embed.weight, 1, 0.02)
        self.embed.weight.data[:, 2 * c:] = 0

    def forward(self, x, y):
        gamma, alpha, beta = (v[:, :, None, None] for v in self.embed(y).chunk(3, 1))
        mu = x.mean((2, 3), keepdim=True)
        across = (mu - mu.mean(1, keepdim=True)) / torch.sqrt(mu.var(1, keepdim=True) + 1e-5)
        within = (x - mu) / torch.sqrt(x.var((2, 3), unbiased=False, keepdim=True) + 1e-5)
        return gamma * (within + alpha * across) + beta


def conv(cin, cout, size=3, dilation=1, bias=True):
    return nn.Conv2d(cin, cout, size, padding=dilation * (size // 2), dilation=dilation, bias=bias)


class Halved(nn.Module):
    """A convolution, then means over 2x2 pixels."""

    def __init__(self, cin, cout, size):
        super().__init__()
        self.conv = conv(cin, cout, size)

    def forward(self, x):
        return F.avg_pool2d(self.conv(x), 2)


class Residual(nn.Module):
    def __init__(self, cin, cout, levels, down=False, dilation=None):
        super().__init__()
        d = dilation or 1
        width = cin if down else cout
        self.normalize1, self.normalize2 = Norm(cin, levels), Norm(width, levels)
        self.conv1 = conv(cin, width, dilation=d)
        if down and dilation is None:
            self.conv2, self.shortcut = Halved(width, cout, 3), Halved(cin, cout, 1)
        else:
            self.conv2 = conv(width, cout, dilation=d)
            self.shortcut = conv(cin, cout, dilation=d) if down else None

    def forward(self, x, y):
        h = self.conv1(F.elu(self.normalize1(x, y)))
        h = self.conv2(F.elu(self.normalize2(h, y)))
        return h + (x if self.shortcut is None else self.shortcut(x))


class Units(nn.Module):
    """Residual convolution units, each of two normalised, activated convolutions."""

    def __init__(self, c, n, levels):
        super().__init__()
        self.n = n
        for i in range(1, n + 1):
            for j in (1, 2):
                self.add_module(f"{i}_{j}_norm", Norm(c, levels))
                self.add_module(f"{i}_{j}_conv", conv(c, c, bias=False))

    def forward(self, x, y):
        parts = dict(self.named_children())
        for i in range(1, self.n + 1):
            h = x
            for j in (1, 2):
                h = parts[f"{i}_{j}_conv"](F.elu(parts[f"{i}_{j}_norm"](h, y)))
            x = x + h
        return x


class Fusion(nn.Module):
    def __init__(self, cins, cout, levels):
        super().__init__()
        self.convs = nn.ModuleList([conv(c, cout) for c in cins])
        self.norms = nn.ModuleList([Norm(c, levels) for c in cins])

    def forward(self, xs, y):
        size = xs[0].shape[2:]
        hs = [c(n(x, y)) for x, c, n in zip(xs, self.convs, self.norms)]
        return sum(F.interpolate(h, size, mode="bilinear", align_corners=True) for h in hs)


class Pooling(nn.Module):
    """Chained residual pooling, with means where RefineNet takes the largest."""

    def __init__(self, c, levels):
        super().__init__()
        self.convs = nn.ModuleList([conv(c, c, bias=False) for _ in range(2)])
        self.norms = nn.ModuleList([Norm(c, levels) for _ in range(2)])

    def forward(self, x, y):
        path = x = F.elu(x)
        for c, n in zip(self.convs, self.norms):
            path = c(F.avg_pool2d(n(path, y), 5, stride=1, padding=2))
            x = x + path
        return x


class Refine(nn.Module):
    def __init__(self, cins, cout, levels, units=1):
        super().__init__()
        self.adapt_convs = nn.ModuleList([Units(c, 2, levels) for c in cins])
        self.msf = Fusion(cins, cout, levels) if len(cins) > 1 else None
        self.crp = Pooling(cout, levels)
        self.output_convs = Units(cout, units, levels)

    def forward(self, xs, y):
        hs = [a(x, y) for a, x in zip(self.adapt_convs, xs)]
        h = hs[0] if self.msf is None else self.msf(hs, y)
        return self.output_convs(self.crp(h, y), y)


class NCSN(nn.Module):
    """config: image_size, channels, ngf, num_classes."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        n, levels = config["ngf"], config["num_classes"]
        block = lambda cin, cout, **k: nn.ModuleList([Residual(cin, cout, levels, **k), Residual(cout, cout, levels, dilation=k.get("dilation"))])
        self.begin_conv = conv(config["channels"], n)
        self.res1 = block(n, n)
        self.res2 = block(n, 2 * n, down=True)
        self.res3 = block(2 * n, 2 * n, down=True, dilation=2)
        self.res4 = block(2 * n, 2 * n, down=True, dilation=4)
        self.refine1 = Refine([2 * n], 2 * n, levels)
        self.refine2 = Refine([2 * n, 2 * n], 2 * n, levels)
        self.refine3 = Refine([2 * n, 2 * n], n, levels)
        self.refine4 = Refine([n, n], n, levels, units=3)
        self.normalizer = Norm(n, levels)
        self.end_conv = conv(n, config["channels"])

    def forward(self, x, y):
        layers, h = [], self.begin_conv(2 * x - 1)
        for cascade in (self.res1, self.res2, self.res3, self.res4):
            for block in cascade:
                h = block(h, y)
            layers.append(h)
        h = self.refine1([layers[3]], y)
        h = self.refine2([layers[2], h], y)
        h = self.refine3([layers[1], h], y)
        h = self.refine4([layers[0], h], y)
        return self.end_conv(F.elu(self.normalizer(h, y)))


CONFIGS = {
    "ncsn": dict(image_size=12, channels=2, ngf=3, num_classes=5),
}


def build(name, seed=0):
    torch.manual_seed(seed)
    net = NCSN(CONFIGS[name]).eval()
    with torch.no_grad():  # biases and tables away from where they start, so that a mistake in them shows
        for p in net.parameters():
            if p.ndim == 1 or p.shape[0] == net.config["num_classes"]:
                p.add_(0.3 * torch.randn_like(p))
    return net
