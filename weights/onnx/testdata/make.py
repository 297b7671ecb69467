"""Writes the networks in this folder: python3 make.py. Needs torch (1.13, Debian's version).

NAME.onnx          a small network with random weights, written by torch.onnx.export or the builder below
NAME.safetensors   x [N,C,H,W], t [N], y [N] (conditional only), out [N,C,H,W]: the output in PyTorch

Each is written like a family of denoisers, so that exporters decompose its operations in the same way.
"""
import json, math, os, struct, sys, warnings
import torch
import torch.nn as nn
import torch.nn.functional as F

sys.dont_write_bytecode = True
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, *[".."] * 5, "core", "unet", "testdata"))
from make import write_safetensors
from unet2d import A, D, build, config


def sines(t, width):
    """The sinusoidal embedding of improved-diffusion: cosines and sines at width / 2 frequencies."""
    half = width // 2
    freqs = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
    a = t[:, None].float() * freqs[None]
    return torch.cat([torch.cos(a), torch.sin(a)], -1)


class Transformer(nn.Module):
    """Patches, learned positions, tokens for time and class, nn.TransformerEncoderLayer; −1 is no class."""

    def __init__(self, dim=16, patch=4, size=12, classes=3):
        super().__init__()
        self.embed = nn.Conv2d(1, dim, patch, stride=patch)
        self.place = nn.Parameter(torch.randn(1, (size // patch) ** 2, dim))
        self.blocks = nn.Sequential(*(nn.TransformerEncoderLayer(dim, 2, 2 * dim, dropout=0.0, batch_first=True, activation="gelu") for _ in range(2)))
        self.unembed = nn.ConvTranspose2d(dim, 1, patch, stride=patch)
        self.labels = nn.Embedding(classes + 1, dim)
        self.classes, self.dim = classes, dim

    def forward(self, x, t, y):
        x = self.embed(x)
        b, c, h, w = x.shape
        x = x.flatten(2).transpose(1, 2) + self.place
        y = self.labels(torch.where(y == -1, self.classes, y))[:, None]
        x = torch.cat([x, sines(t, self.dim)[:, None], y], 1)
        x = self.blocks(x)[:, :-2]
        return self.unembed(x.transpose(1, 2).reshape(b, c, h, w))


class Plain(nn.Module):
    """Convolutions 7×7 under LayerNorm([C,H,W]), GELU, frequencies as a buffer."""

    def __init__(self, size=8):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 6, 7, padding=3), nn.LayerNorm((6, size, size)), nn.GELU())
        self.second = nn.Sequential(nn.Conv2d(6, 4, 7, padding=3), nn.LayerNorm((4, size, size)), nn.GELU())
        self.last = nn.Conv2d(4, 1, 3, padding=1)
        self.time = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 6))
        self.register_buffer("freqs", torch.tensor([0.0, 6.283, 9.425, 14.137]))

    def forward(self, x, t):
        p = t[:, None] * self.freqs[None]
        e = self.time(torch.cat((torch.sin(p), torch.cos(p) - 1), 1))[:, :, None, None]
        return self.last(self.second(self.first(x) + e))


class Guided(nn.Module):
    """guided-diffusion: scale and shift of norms, average pooling, legacy order of q, k, v, a learned variance."""

    def __init__(self, c=8, heads=2):
        super().__init__()
        self.time = nn.Sequential(nn.Linear(c, 2 * c), nn.SiLU(), nn.Linear(2 * c, 2 * c))
        self.stem = nn.Conv2d(3, c, 3, padding=1)
        self.norm1, self.conv1 = nn.GroupNorm(4, c), nn.Conv2d(c, c, 3, padding=1)
        self.emb = nn.Linear(2 * c, 2 * c)
        self.norm2, self.conv2 = nn.GroupNorm(4, c), nn.Conv2d(c, c, 3, padding=1)
        self.norm3, self.qkv, self.proj = nn.GroupNorm(4, c), nn.Conv1d(c, 3 * c, 1), nn.Conv1d(c, c, 1)
        self.norm4, self.out = nn.GroupNorm(4, 2 * c), nn.Conv2d(2 * c, 6, 3, padding=1)
        self.c, self.heads = c, heads

    def attend(self, x):
        b, c, *space = x.shape
        x = x.reshape(b, c, -1)
        qkv = self.qkv(self.norm3(x))
        width = c // self.heads
        q, k, v = qkv.reshape(b * self.heads, 3 * width, -1).split(width, dim=1)
        scale = 1 / math.sqrt(math.sqrt(width))
        w = torch.softmax(torch.einsum("bct,bcs->bts", q * scale, k * scale).float(), dim=-1)
        a = torch.einsum("bts,bcs->bct", w, v).reshape(b, -1, x.shape[-1])
        return (x + self.proj(a)).reshape(b, c, *space)

    def forward(self, x, timesteps):
        e = F.silu(self.time(sines(timesteps, self.c)))
        h0 = h = self.stem(x)
        h = F.avg_pool2d(F.silu(self.norm1(h)), 2)
        h = self.conv1(h)
        scale, shift = torch.chunk(self.emb(e)[..., None, None], 2, dim=1)
        h = self.conv2(F.silu(self.norm2(h) * (1 + scale) + shift)) + F.avg_pool2d(h0, 2)
        h = self.attend(h)
        h = F.interpolate(h, scale_factor=2, mode="nearest")
        return self.out(F.silu(self.norm4(torch.cat([h, h0], 1))))


class Lucid(nn.Module):
    """denoising-diffusion-pytorch: standardized weights, decomposed norms, linear attention, space to depth."""

    def __init__(self, c=8, heads=2, width=4):
        super().__init__()
        self.freqs = nn.Parameter(torch.randn(c // 2))
        self.time = nn.Sequential(nn.Linear(c + 1, 2 * c), nn.GELU(), nn.Linear(2 * c, 2 * c))
        self.stem, self.down = nn.Conv2d(1, c, 7, padding=3), nn.Conv2d(4 * c, c, 1)
        self.weight, self.bias, self.norm = nn.Parameter(torch.randn(c, c, 3, 3)), nn.Parameter(torch.randn(c)), nn.GroupNorm(2, c)
        self.g1, self.g2 = nn.Parameter(torch.randn(1, c, 1, 1)), nn.Parameter(torch.randn(1, c, 1, 1))
        self.qkv1, self.out1 = nn.Conv2d(c, 3 * heads * width, 1, bias=False), nn.Conv2d(heads * width, c, 1)
        self.qkv2, self.out2 = nn.Conv2d(c, 3 * heads * width, 1, bias=False), nn.Conv2d(heads * width, c, 1)
        self.up, self.last = nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(2 * c, 1, 1)
        self.heads, self.width = heads, width

    def layernorm(self, x, g):
        var = torch.var(x, dim=1, unbiased=False, keepdim=True)
        return (x - torch.mean(x, dim=1, keepdim=True)) * (var + 1e-5).rsqrt() * g

    def split(self, qkv):
        b, _, h, w = qkv.shape
        return (z.reshape(b, self.heads, self.width, h * w) for z in qkv.chunk(3, dim=1))

    def linear(self, x):
        b, _, h, w = x.shape
        q, k, v = self.split(self.qkv1(x))
        q, k = q.softmax(dim=-2) * self.width**-0.5, k.softmax(dim=-1)
        context = torch.einsum("bhdn,bhen->bhde", k, v / (h * w))
        return self.out1(torch.einsum("bhde,bhdn->bhen", context, q).reshape(b, -1, h, w))

    def full(self, x):
        b, _, h, w = x.shape
        q, k, v = self.split(self.qkv2(x))
        a = torch.einsum("bhdi,bhdj->bhij", q * self.width**-0.5, k).softmax(dim=-1)
        return self.out2(torch.einsum("bhij,bhdj->bhid", a, v).permute(0, 1, 3, 2).reshape(b, -1, h, w))

    def forward(self, x, time):
        b, _, h, w = x.shape
        p = time[:, None] * self.freqs[None] * 2 * math.pi
        e = self.time(torch.cat((time[:, None], p.sin(), p.cos()), -1))
        x = r = self.stem(x)
        c = x.shape[1]
        x = x.reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4).reshape(b, 4 * c, h // 2, w // 2)
        x = self.down(x)
        mean = self.weight.mean((1, 2, 3), keepdim=True)
        var = self.weight.var((1, 2, 3), unbiased=False, keepdim=True)
        y = self.norm(F.conv2d(x, (self.weight - mean) * (var + 1e-5).rsqrt(), self.bias, padding=1))
        scale, shift = e[:, :, None, None].chunk(2, dim=1)
        x = F.silu(y * (scale + 1) + shift) + x
        x = self.linear(self.layernorm(x, self.g1)) + x
        x = self.full(self.layernorm(x, self.g2)) + x
        x = self.up(F.interpolate(x, scale_factor=2, mode="nearest"))
        return self.last(torch.cat((x, r), 1))


class Score(nn.Module):
    """Transposed convolutions, random frequencies, an output divided by the standard deviation of the noise."""

    def __init__(self, c=8):
        super().__init__()
        self.freqs = nn.Parameter(torch.randn(c // 2) * 3, requires_grad=False)
        self.embed = nn.Linear(c, c)
        self.conv1, self.dense1, self.norm1 = nn.Conv2d(1, c, 3, bias=False), nn.Linear(c, c), nn.GroupNorm(4, c)
        self.conv2, self.dense2, self.norm2 = nn.Conv2d(c, 2 * c, 3, stride=2, bias=False), nn.Linear(c, 2 * c), nn.GroupNorm(16, 2 * c)
        self.back2, self.back1 = nn.ConvTranspose2d(2 * c, c, 3, stride=2, bias=False, output_padding=1), nn.ConvTranspose2d(2 * c, 1, 3)

    def forward(self, x, t):
        act = lambda v: v * torch.sigmoid(v)
        p = t[:, None] * self.freqs[None, :] * 2 * math.pi
        e = act(self.embed(torch.cat([torch.sin(p), torch.cos(p)], -1)))
        h1 = act(self.norm1(self.conv1(x) + self.dense1(e)[..., None, None]))
        h2 = act(self.norm2(self.conv2(h1) + self.dense2(e)[..., None, None]))
        h = self.back2(h2)
        h = self.back1(torch.cat([act(h), h1], 1))
        std = torch.sqrt((25.0 ** (2 * t) - 1) / (2 * math.log(25.0)))
        return h / std[:, None, None, None]


class Mixed(nn.Module):
    """Other operators: batch and instance norms, pooling, groups, dilation, odd padding, linear resizing, activations."""

    def __init__(self, c=6):
        super().__init__()
        self.conv1, self.bn = nn.Conv2d(2, c, 3, padding=2, dilation=2), nn.BatchNorm2d(c)
        self.conv2 = nn.Conv2d(c, c, 3, padding=1, groups=3)
        self.conv3 = nn.Conv2d(c, c, (1, 3), padding=(0, 1))
        self.inorm = nn.InstanceNorm2d(c, affine=True)
        self.mlp = nn.Sequential(nn.Linear(1, c), nn.ELU(), nn.Linear(c, 2 * c), nn.Tanh())
        self.norm, self.mix = nn.LayerNorm(c), nn.Linear(16, 16)
        self.last = nn.Conv2d(c, 2, 3, padding=1, padding_mode="reflect")
        self.prelu = nn.PReLU(c)
        with torch.no_grad():
            self.bn.running_mean.normal_()
            self.bn.running_var.uniform_(0.5, 2)

    def forward(self, x, t):
        gate, add = self.mlp(t[:, None].float() / 1000).split([6, 6], 1)
        h = F.relu(self.bn(self.conv1(x)))
        s = h
        h = F.max_pool2d(h, 2)
        h = self.inorm(self.conv2(h)) * torch.sigmoid(gate)[:, :, None, None] + add[:, :, None, None]
        h = F.leaky_relu(self.conv3(h), 0.1)
        h = F.avg_pool2d(h, 3, stride=1, padding=1)
        b, c, height, width = h.shape
        tokens = self.norm(h.flatten(2).transpose(1, 2))
        tokens = tokens + self.mix(tokens.transpose(1, 2)).transpose(1, 2)
        h = tokens.transpose(1, 2).reshape(b, c, height, width) + h.mean((2, 3), keepdim=True).clamp(-1, 1)
        h = F.pad(self.prelu(h), (0, 1, 1, 0))[:, :, 1:, :-1].flip(3)
        h = F.interpolate(h, scale_factor=2, mode="bilinear", align_corners=False)
        h = h + F.interpolate(F.softplus(h[:, :, ::2, ::2]), size=(8, 8), mode="bilinear", align_corners=True)
        h = h + torch.maximum(s, s.flip(2)) - s.amax(1, keepdim=True)
        return self.last(h) * torch.exp(-x.abs()).pow(1.5)


class Tokens(nn.Module):
    """A transformer with norms modulated by time and class, written without nn.MultiheadAttention; a learned variance."""

    def __init__(self, dim=16, heads=2, patch=2, size=8, channels=1, classes=3):
        super().__init__()
        self.embed, self.place = nn.Conv2d(channels, dim, patch, stride=patch), nn.Parameter(torch.randn(1, (size // patch) ** 2, dim))
        self.time, self.labels = nn.Sequential(nn.Linear(dim, dim), nn.SiLU()), nn.Embedding(classes, dim)
        self.norm = nn.LayerNorm(dim, elementwise_affine=False, eps=1e-6)
        self.qkv, self.proj, self.gate = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim), nn.Linear(dim, 2 * dim)
        self.modulate, self.last = nn.Linear(dim, 6 * dim), nn.Linear(dim, 2 * patch * patch * channels)
        self.heads, self.patch, self.channels, self.dim = heads, patch, channels, dim

    def forward(self, x, t, y):
        x = self.embed(x).flatten(2).transpose(1, 2) + self.place
        b, n, c = x.shape
        m = self.modulate(F.silu(self.time(sines(t, self.dim)) + self.labels(y))).chunk(6, dim=1)
        h = self.norm(x) * (1 + m[0].unsqueeze(1)) + m[1].unsqueeze(1)
        q, k, v = self.qkv(h).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        a = (q * (c // self.heads) ** -0.5 @ k.transpose(-2, -1)).softmax(-1) @ v
        x = x + m[2].unsqueeze(1) * self.proj(a.transpose(1, 2).reshape(b, n, c))
        h, gate = self.gate(self.norm(x) * (1 + m[3].unsqueeze(1)) + m[4].unsqueeze(1)).chunk(2, -1)
        x = self.norm(x + m[5].unsqueeze(1) * (h * F.gelu(gate, approximate="tanh")))
        side, p = int(n**0.5), self.patch
        x = torch.einsum("nhwpqc->nchpwq", self.last(x).reshape(b, side, side, p, p, 2 * self.channels))
        return x.reshape(b, 2 * self.channels, side * p, side * p)


class Folded(nn.Module):
    """ConvNeXt's block, pixels shuffled and averaged, transposed convolutions that overlap, linear resizing on corners."""

    def __init__(self, c=8):
        super().__init__()
        self.stem, self.time = nn.Conv2d(1, c, 3, padding=1), nn.Linear(1, c)
        self.deep, self.norm, self.wide, self.narrow = nn.Conv2d(c, c, 7, padding=3, groups=c), nn.LayerNorm(c), nn.Linear(c, 2 * c), nn.Linear(2 * c, c)
        self.scale, self.down, self.up = nn.Parameter(torch.randn(c)), nn.Conv2d(c, c, 2, stride=2), nn.ConvTranspose2d(c, c, 4, stride=2, padding=1)
        self.pixels, self.twice = nn.Conv2d(c, 4, 1), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)

    def forward(self, x, t):
        h = self.stem(x) + self.time(t[:, None])[:, :, None, None]
        r = self.narrow(F.gelu(self.wide(self.norm(self.deep(h).permute(0, 2, 3, 1)))))
        h = h + (self.scale * r).permute(0, 3, 1, 2)
        h = F.pixel_shuffle(self.pixels(h + self.up(F.mish(self.down(h)))), 2)
        return F.avg_pool2d(h, 2) + self.twice(F.avg_pool2d(h, 4))


class Filtered(nn.Module):
    """score_sde's filters, the same for every channel, channels normalized by their length, attention over the image and additional tokens."""

    def __init__(self, c=6):
        super().__init__()
        self.stem, self.last = nn.Conv2d(2, c, 3, padding=1), nn.Conv2d(c, 2, 3, padding=1)
        self.gain, self.memory = nn.Parameter(torch.randn(1, c, 1, 1)), nn.Parameter(torch.randn(1, 3, c))
        self.kv, self.q, self.gate = nn.Conv2d(c, 2 * c, 1), nn.Linear(c, c), nn.Linear(1, c)
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self.register_buffer("kernel", torch.outer(taps, taps) / 64)

    def half(self, x):
        b, c, h, w = x.shape
        return F.conv2d(F.pad(x.reshape(b * c, 1, h, w), (1, 1, 1, 1)), self.kernel[None, None], stride=2).reshape(b, c, h // 2, w // 2)

    def double(self, x):
        b, c, h, w = x.shape
        x = F.pad(x.reshape(b * c, h, 1, w, 1, 1), (0, 0, 0, 1, 0, 0, 0, 1)).reshape(b * c, 1, h * 2, w * 2)
        return F.conv2d(F.pad(x, (2, 1, 2, 1)), 4 * self.kernel[None, None]).reshape(b, c, h * 2, w * 2)

    def forward(self, x, t):
        h = self.stem(x)
        h = F.normalize(h, dim=1) * self.gain * h.shape[1] ** 0.5
        d = self.half(h)
        b, c, height, width = d.shape
        k, v = (torch.cat([z.flatten(2).transpose(1, 2), self.memory.expand(b, -1, -1)], 1) for z in self.kv(d).chunk(2, 1))
        a = torch.softmax(self.q(d.flatten(2).transpose(1, 2)) @ k.transpose(1, 2) / c**0.5, -1) @ v
        h = h + self.double(d + a.transpose(1, 2).reshape(b, c, height, width)) * torch.tanh(self.gate(t[:, None]))[:, :, None, None]
        weight = torch.softmax(h.flatten(2).mean(-1), -1)[:, :, None, None]
        return self.last(h * weight) / torch.sqrt(1 + t[:, None, None, None] ** 2)


def protobuf(*fields):
    """The bytes of a message, from pairs of a field's number and its value."""
    def varint(n):
        n &= (1 << 64) - 1
        out = b""
        while n > 127:
            out += bytes([n & 127 | 128])
            n >>= 7
        return out + bytes([n])
    out = b""
    for number, v in fields:
        if isinstance(v, float):
            out += varint(number << 3 | 5) + struct.pack("<f", v)
        elif isinstance(v, int):
            out += varint(number << 3) + varint(v)
        else:
            v = v.encode() if isinstance(v, str) else v
            out += varint(number << 3 | 2) + varint(len(v)) + v
    return out


def tensor(name, t):
    kind, raw = (7, t.numpy().astype("<i8")) if t.dtype == torch.int64 else (1, t.detach().numpy().astype("<f4"))
    return protobuf(*[(1, d) for d in t.shape], (2, kind), (8, name), (9, raw.tobytes()))


def node(op, inputs, outputs, **attributes):
    fields = [(1, i) for i in inputs] + [(2, o) for o in outputs] + [(3, "the_" + op + "_" + outputs[0]), (4, op)]
    for name, v in attributes.items():
        if isinstance(v, list):
            a = [(8, i) for i in v] + [(20, 7)]
        elif isinstance(v, float):
            a = [(2, v), (20, 1)]
        elif isinstance(v, str):
            a = [(4, v), (20, 3)]
        else:
            a = [(3, v), (20, 2)]
        fields.append((5, protobuf((1, name), *a)))
    return protobuf(*fields)


def value(name, kind, dims):
    shape = b"".join(protobuf((1, protobuf((1, d) if isinstance(d, int) else (2, d)))) for d in dims)
    return protobuf((1, name), (2, protobuf((1, protobuf((1, kind), (2, shape))))))


def latest(path):
    """Operators of version 20 that this version of torch does not write: norms and GELU as one operator, axes as inputs."""
    g = torch.Generator().manual_seed(5)
    r = lambda *s: torch.randn(*s, generator=g)
    w, gamma, beta, lg, lb, shift = r(8, 2, 3, 3), r(4), r(4), r(8), r(8), r(1, 8)
    weights = dict(w=w, gamma=gamma, beta=beta, lg=lg, lb=lb, shift=shift, last=r(2, 8, 1, 1), table=r(3, 8))
    ints = dict(axes=torch.tensor([2, 3]), pads=torch.tensor([0, 1, 1, 0]), padded=torch.tensor([2, 3]), sizes=torch.tensor([1, 8, 6, 6]),
                tail=torch.tensor([1]), whole=torch.tensor([0, 0, -1]), image=torch.tensor([1, 8, 6, 6]))
    nodes = [
        node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        node("GroupNormalization", ["a", "gamma", "beta"], ["b"], num_groups=4, epsilon=1e-4),
        node("Gelu", ["b"], ["c"]),
        node("ReduceMean", ["c", "axes"], ["d"], keepdims=1),
        node("Sub", ["c", "d"], ["e"]),
        node("Pad", ["e", "pads", "", "padded"], ["f"], mode="edge"),
        node("Resize", ["f", "", "", "sizes"], ["h"], mode="nearest", coordinate_transformation_mode="half_pixel", nearest_mode="floor"),
        node("Reshape", ["h", "whole"], ["i"]),
        node("Transpose", ["i"], ["j"], perm=[0, 2, 1]),
        node("LayerNormalization", ["j", "lg", "lb"], ["k"], axis=-1, epsilon=1e-4),
        node("Transpose", ["k"], ["l"], perm=[0, 2, 1]),
        node("Reshape", ["l", "image"], ["m"]),
        node("Split", ["m"], ["n", "o"], axis=1, num_outputs=2),
        node("Concat", ["o", "n"], ["p"], axis=1),
        node("Gather", ["table", "y"], ["q"], axis=0),
        node("Unsqueeze", ["t", "tail"], ["r"]),
        node("Mul", ["r", "shift"], ["s"]),
        node("Add", ["s", "q"], ["u"]),
        node("Gelu", ["u"], ["v"], approximate="tanh"),
        node("Unsqueeze", ["v", "axes"], ["z"]),
        node("Add", ["p", "z"], ["aa"]),
        node("HardSwish", ["aa"], ["bb"]),
        node("Conv", ["bb", "last"], ["out"], kernel_shape=[1, 1]),
    ]
    graph = [(1, n) for n in nodes] + [(2, "latest")] + [(5, tensor(k, v)) for k, v in {**weights, **ints}.items()]
    graph += [(11, value("x", 1, ["N", 2, 6, 6])), (11, value("t", 1, ["N"])), (11, value("y", 7, ["N"])), (12, value("out", 1, ["N", 2, 6, 6]))]
    with open(path, "wb") as f:
        f.write(protobuf((1, 9), (2, "make.py"), (7, protobuf(*graph)), (8, protobuf((1, ""), (2, 20)))))

    def run(x, t, y):
        a = F.conv2d(x, w, padding=1)
        b = F.group_norm(a, 4, eps=1e-4) * gamma.repeat_interleave(2)[None, :, None, None] + beta.repeat_interleave(2)[None, :, None, None]
        c = F.gelu(b)
        f = F.pad(c - c.mean((2, 3), keepdim=True), (1, 0, 0, 1), mode="replicate")
        at = [min(6, max(0, math.floor((i + 0.5) * 7 / 6 - 0.5))) for i in range(6)]
        h = f[:, :, at][:, :, :, at]
        m = F.layer_norm(h.flatten(2).transpose(1, 2), (8,), lg, lb, 1e-4).transpose(1, 2).reshape(-1, 8, 6, 6)
        u = t[:, None] * shift + weights["table"][y]
        v = 0.5 * u * (1 + torch.tanh(math.sqrt(2 / math.pi) * (u + 0.044715 * u**3)))
        aa = torch.cat([m[:, 4:], m[:, :4]], 1) + v[:, :, None, None]
        return F.conv2d(F.hardswish(aa), weights["last"])

    return run


def main():
    warnings.simplefilter("ignore")
    networks = dict(
        unet=(build(config((4, 8), (D, A), layers=1, channels=1, size=8, groups=2, head_dim=4, classes=3)), 14, (1, 8), "xty", False),
        transformer=(Transformer(), 14, (1, 12), "xty", False),
        plain=(Plain(), 13, (1, 8), "xt", False),
        norms17=(Plain(), 17, (1, 8), "xt", True),
        guided=(Guided(), 12, (3, 8), "xt", False),
        lucid=(Lucid(), 16, (1, 8), "xt", True),
        score=(Score(), 11, (1, 10), "xt", False),
        mixed=(Mixed(), 15, (2, 8), "xt", False),
        tokens=(Tokens(), 13, (1, 8), "xty", False),
        folded=(Folded(), 16, (1, 8), "xt", False),
        filtered=(Filtered(), 17, (2, 8), "xt", True),
    )
    for seed, (name, (net, opset, (c, size), takes, batches)) in enumerate(networks.items()):
        torch.manual_seed(seed)
        for p in net.parameters():
            if p.ndim == 1:  # norms and biases other than 1 and 0, so that a mistake in them shows
                p.data.add_(0.1 * torch.randn_like(p))
        net.eval()
        mode = torch.onnx.TrainingMode.EVAL
        if name == "transformer":  # in evaluation torch runs it as one operator, which has no counterpart
            net.train()
            mode = torch.onnx.TrainingMode.PRESERVE
        x, t, y = torch.randn(3, c, size, size), torch.tensor([0.1, 0.5, 1.0]), torch.tensor([0, 2, 1])
        if name in ("unet", "guided"):
            t = 1000 * t
        args = (x, t, y)[:len(takes)]
        one = tuple(a[:1] for a in args)
        axes = {k: {0: "batch"} for k in ("x", "t", "y")[:len(takes)]} if batches else None
        path = os.path.join(here, name)
        torch.onnx.export(net, one, path + ".onnx", input_names=["x", "t", "y"][:len(takes)], output_names=["out"],
                          opset_version=opset, training=mode, dynamic_axes=axes)
        with torch.no_grad():
            out = net(*args)
        write_safetensors(path + ".safetensors", dict(zip(("x", "t", "y"), args), out=out))
    run = latest(os.path.join(here, "latest.onnx"))
    torch.manual_seed(9)
    args = (torch.randn(3, 2, 6, 6), torch.tensor([0.1, 0.5, 1.0]), torch.tensor([0, 2, 1]))
    write_safetensors(os.path.join(here, "latest.safetensors"), dict(zip(("x", "t", "y"), args), out=run(*args)))


if __name__ == "__main__":
    main()
