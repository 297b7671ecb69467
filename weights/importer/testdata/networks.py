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


class Guided(nn.Module):
    """Improved and guided diffusion's UNetModel."""

    def __init__(self, ch, mult, layers, attention, heads, channels=3, classes=None, scale_shift=True, resblock=True, learn=False, together=False):
        super().__init__()
        self.ch, self.heads, self.scale_shift, self.together, emb = ch, heads, scale_shift, together, 4 * ch
        norm = lambda c: nn.GroupNorm(32, c)

        def block(cin, cout, resize=None):
            b = Modules(in_layers=nn.Sequential(norm(cin), nn.SiLU(), nn.Conv2d(cin, cout, 3, padding=1)),
                        emb_layers=nn.Sequential(nn.SiLU(), nn.Linear(emb, cout * (1 + scale_shift))),
                        out_layers=nn.Sequential(norm(cout), nn.SiLU(), nn.Dropout(0), nn.Conv2d(cout, cout, 3, padding=1)),
                        skip_connection=nn.Conv2d(cin, cout, 1) if cin != cout else None)
            b.resize = resize
            return b

        def attn(c):
            return Modules(norm=norm(c), qkv=nn.Conv1d(c, 3 * c, 1), proj_out=nn.Conv1d(c, c, 1))

        self.time_embed = nn.Sequential(nn.Linear(ch, emb), nn.SiLU(), nn.Linear(emb, emb))
        if classes:
            self.label_emb = nn.Embedding(classes, emb)
        c = ch * mult[0]
        self.input_blocks, widths = nn.ModuleList([nn.Sequential(nn.Conv2d(channels, c, 3, padding=1))]), [c]
        for i, m in enumerate(mult):
            for _ in range(layers):
                self.input_blocks.append(nn.Sequential(*[block(c, ch * m)] + ([attn(ch * m)] if i in attention else [])))
                c = ch * m
                widths.append(c)
            if i < len(mult) - 1:
                self.input_blocks.append(nn.Sequential(block(c, c, "down") if resblock else Modules(op=nn.Conv2d(c, c, 3, stride=2, padding=1))))
                widths.append(c)
        self.middle_block = nn.Sequential(block(c, c), attn(c), block(c, c))
        self.output_blocks = nn.ModuleList()
        for i in reversed(range(len(mult))):
            for j in range(layers + 1):
                parts = [block(c + widths.pop(), ch * mult[i])]
                c = ch * mult[i]
                if i in attention:
                    parts.append(attn(c))
                if i > 0 and j == layers:
                    parts.append(block(c, c, "up") if resblock else Modules(conv=nn.Conv2d(c, c, 3, padding=1)))
                self.output_blocks.append(nn.Sequential(*parts))
        self.out = nn.Sequential(norm(c), nn.SiLU(), nn.Conv2d(c, channels * (1 + learn), 3, padding=1))

    def apply_part(self, b, x, e):
        if isinstance(b, nn.Conv2d):
            return b(x)
        if hasattr(b, "op"):
            return b.op(x)
        if hasattr(b, "conv"):
            return b.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        if hasattr(b, "qkv"):
            n, c, h, w = x.shape
            qkv = b.qkv(b.norm(x.flatten(2)))
            if self.together:
                q, k, v = qkv.chunk(3, 1)
            else:
                q, k, v = (a.flatten(1, 2) for a in qkv.reshape(n, self.heads, 3, c // self.heads, h * w).unbind(2))
            return x + b.proj_out(attend(q, k, v, self.heads)).reshape(x.shape)
        resize = {None: lambda a: a, "down": lambda a: F.avg_pool2d(a, 2), "up": lambda a: F.interpolate(a, scale_factor=2.0, mode="nearest")}[b.resize]
        h = b.in_layers[2](resize(b.in_layers[1](b.in_layers[0](x))))
        o = b.emb_layers(e)[:, :, None, None]
        if self.scale_shift:
            scale, shift = o.chunk(2, 1)
            h = b.out_layers[1:](b.out_layers[0](h) * (1 + scale) + shift)
        else:
            h = b.out_layers(h + o)
        x = resize(x)
        return (b.skip_connection(x) if hasattr(b, "skip_connection") else x) + h

    def forward(self, x, t, y=None):
        e = self.time_embed(sinusoids(t, self.ch, 0, True))
        if y is not None:
            e = e + self.label_emb(y)
        stack = []
        for parts in self.input_blocks:
            for b in parts:
                x = self.apply_part(b, x, e)
            stack.append(x)
        for b in self.middle_block:
            x = self.apply_part(b, x, e)
        for parts in self.output_blocks:
            x = torch.cat([x, stack.pop()], 1)
            for b in parts:
                x = self.apply_part(b, x, e)
        return self.out(x)


class NIN(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.W, self.b = nn.Parameter(torch.zeros(cin, cout)), nn.Parameter(torch.zeros(cout))

    def forward(self, x):
        return torch.einsum("nchw,cd->ndhw", x, self.W) + self.b[:, None, None]


def fir(x, resize):
    """Halves or doubles x with the filter [1, 3, 3, 1], zeros outside."""
    c = x.shape[1]
    f = torch.tensor([1.0, 3, 3, 1])
    f = (f[:, None] * f / 64).expand(c, 1, 4, 4)
    if resize == "down":
        return F.conv2d(x, f, stride=2, padding=1, groups=c)
    return F.conv_transpose2d(x, 4 * f, stride=2, padding=1, groups=c)


def box(x, resize):
    return F.avg_pool2d(x, 2) if resize == "down" else F.interpolate(x, scale_factor=2.0, mode="nearest")


class ScoreSDE(nn.Module):
    """score_sde_pytorch's ddpm, and with biggan its NCSNpp: ddpmpp, or with fourier ncsnpp, whose picture
    enters and leaves at every level with skips. What halves and doubles that picture has a place in the
    list and no parameters."""

    def __init__(self, nf, mult, layers, attention, channels=3, biggan=False, fourier=False, skips=False, filtered=False):
        super().__init__()
        self.filtered = filtered = filtered or fourier
        self.skips, self.nf, self.mult, self.layers, self.attention, self.biggan, self.fourier = skips, nf, mult, layers, attention, biggan, fourier
        norm = (lambda c: nn.GroupNorm(min(c // 4, 32), c, 1e-6)) if biggan else (lambda c: nn.GroupNorm(32, c, 1e-6))
        conv = lambda a, b: nn.Conv2d(a, b, 3, padding=1)

        def block(a, b, resize=None):
            m = Modules(GroupNorm_0=norm(a), Conv_0=conv(a, b), Dense_0=nn.Linear(4 * nf, b), GroupNorm_1=norm(b), Conv_1=conv(b, b))
            if a != b or resize:
                m.add_module("Conv_2" if biggan else "NIN_0", nn.Conv2d(a, b, 1) if biggan else NIN(a, b))
            m.resize = resize
            return m

        def attn(c):
            return Modules(GroupNorm_0=norm(c), **{f"NIN_{i}": NIN(c, c) for i in range(4)})

        def down(c):
            return block(c, c, "down") if biggan else Modules(Conv_0=nn.Conv2d(c, c, 3, stride=2))

        def up(c):
            return block(c, c, "up") if biggan else Modules(Conv_0=conv(c, c))

        m, width = [], nf
        if fourier:
            f = nn.Module()
            f.W = nn.Parameter(torch.zeros(nf), requires_grad=False)
            m.append(f)
            width = 2 * nf
        m += [nn.Linear(width, 4 * nf), nn.Linear(4 * nf, 4 * nf), conv(channels, nf)]
        c, widths, picture = nf, [nf], channels
        for i, k in enumerate(mult):
            for _ in range(layers):
                m.append(block(c, nf * k))
                c = nf * k
                widths.append(c)
                if i in attention:
                    m.append(attn(c))
            if i < len(mult) - 1:
                m.append(down(c))
                widths.append(c)
                if skips:
                    m += [nn.Module(), Modules(Conv_0=nn.Conv2d(channels, c, 1))]
                elif filtered:
                    m.append(Modules(Conv2d_0=conv(picture, c)))
                    picture = c
        m += [block(c, c), attn(c), block(c, c)]
        for i in reversed(range(len(mult))):
            for _ in range(layers + 1):
                m.append(block(c + widths.pop(), nf * mult[i]))
                c = nf * mult[i]
            if i in attention:
                m.append(attn(c))
            if skips and i < len(mult) - 1:
                m.append(nn.Module())
            if skips or i == 0:
                m += [norm(c), conv(c, channels)]
            if i > 0:
                m.append(up(c))
        self.all_modules = nn.ModuleList(m)

    def residual(self, m, x, e):
        resize = {"down", "up"} & {m.resize}
        act = lambda a: (fir if self.filtered else box)(a, m.resize) if resize else a
        h = m.Conv_0(act(F.silu(m.GroupNorm_0(x)))) + m.Dense_0(F.silu(e))[:, :, None, None]
        h = m.Conv_1(F.silu(m.GroupNorm_1(h)))
        x = act(x)
        x = m.Conv_2(x) if hasattr(m, "Conv_2") else m.NIN_0(x) if hasattr(m, "NIN_0") else x
        return (x + h) / math.sqrt(2) if self.biggan else x + h

    def attend(self, m, x):
        h = m.GroupNorm_0(x)
        h = attend(m.NIN_0(h).flatten(2), m.NIN_1(h).flatten(2), m.NIN_2(h).flatten(2), 1).reshape(x.shape)
        h = x + m.NIN_3(h)
        return h / math.sqrt(2) if self.biggan else h

    def forward(self, x, t):
        m = iter(self.all_modules)
        if self.fourier:
            a = t[:, None] * next(m).W[None, :] * 2 * math.pi  # t is already the logarithm
            e = torch.cat([a.sin(), a.cos()], 1)
        else:
            e = sinusoids(t, self.nf)
        e = next(m)(e)
        e = next(m)(F.silu(e))
        picture, h = x, next(m)(x)
        stack = [h]
        for i in range(len(self.mult)):
            for _ in range(self.layers):
                h = self.residual(next(m), h, e)
                if i in self.attention:
                    h = self.attend(next(m), h)
                stack.append(h)
            if i < len(self.mult) - 1:
                layer = next(m)
                h = self.residual(layer, h, e) if self.biggan else layer.Conv_0(F.pad(h, (0, 1, 0, 1)))
                if self.skips:
                    next(m)
                    picture = fir(picture, "down")
                    h = next(m).Conv_0(picture) + h
                elif self.filtered:  # the filter comes before a convolution without zeros, at stride 2
                    conv, c = next(m).Conv2d_0, picture.shape[1]
                    f = torch.tensor([1.0, 3, 3, 1])
                    f = (f[:, None] * f / 64).expand(c, 1, 4, 4)
                    wide = F.conv2d(F.pad(picture, (2, 2, 2, 2)), f, groups=c)
                    h = picture = (F.conv2d(wide, conv.weight, conv.bias, stride=2) + h) / math.sqrt(2)
                stack.append(h)
        h = self.residual(next(m), h, e)
        h = self.attend(next(m), h)
        h = self.residual(next(m), h, e)
        out = 0
        for i in reversed(range(len(self.mult))):
            for _ in range(self.layers + 1):
                h = self.residual(next(m), torch.cat([h, stack.pop()], 1), e)
            if i in self.attention:
                h = self.attend(next(m), h)
            if self.skips and i < len(self.mult) - 1:
                next(m)
            if self.skips or i == 0:
                norm, conv = next(m), next(m)
                out = conv(F.silu(norm(h))) + (fir(out, "up") if torch.is_tensor(out) else 0)
            if i > 0:
                layer = next(m)
                h = self.residual(layer, h, e) if self.biggan else layer.Conv_0(box(h, "up"))
        return out


class EDM(nn.Module):
    """EDM's SongUNet (ddpmpp, or with ncsnpp its other half) and DhariwalUNet."""

    def __init__(self, size, ch, mult, layers, attention, channels=3, labels=0, augment=0, dhariwal=False, ncsnpp=False, head=64, skips=False):
        super().__init__()
        self.skips, self.dhariwal, self.ncsnpp, self.labels, self.head, self.attention_levels, emb = skips, dhariwal, ncsnpp, labels, head, attention, 4 * ch
        norm = lambda c: nn.GroupNorm(min(32, c // 4), c, 1e-5 if dhariwal else 1e-6)
        taps = torch.tensor([1.0, 3, 3, 1] if ncsnpp else [1.0, 1])
        taps = taps[:, None] * taps / taps.sum() ** 2

        def conv(a, b, k=3, resize=None):
            m = nn.Module()
            if k:
                m.weight, m.bias = nn.Parameter(torch.zeros(b, a, k, k)), nn.Parameter(torch.zeros(b))
            if resize:
                m.register_buffer("resample_filter", taps[None, None].clone())
            return m

        def block(a, b, resize=None, attention=False):
            m = Modules(norm0=norm(a), conv0=conv(a, b, 3, resize), affine=nn.Linear(emb, b * (1 + dhariwal)), norm1=norm(b), conv1=conv(b, b))
            if a != b or resize:
                m.skip = conv(a, b, 1 if a != b or not dhariwal else 0, resize)
            if attention:
                m.norm2, m.qkv, m.proj = norm(b), conv(b, 3 * b, 1), conv(b, b, 1)
            m.resize, m.cin = resize, a
            return m

        noise = ch * (2 if ncsnpp else 1)
        self.noise = noise
        if ncsnpp:
            self.map_noise = nn.Module()
            self.map_noise.register_buffer("freqs", torch.zeros(noise // 2))
        self.map_layer0, self.map_layer1 = nn.Linear(noise, emb), nn.Linear(emb, emb)
        if labels:
            self.map_label = nn.Linear(labels, emb if dhariwal else noise, bias=not dhariwal)
        if augment:
            self.map_augment = nn.Linear(augment, noise, bias=False)
        self.enc, c, picture, widths = nn.ModuleDict(), channels, channels, []
        for i, k in enumerate(mult):
            r = f"{size >> i}x{size >> i}_"
            if i == 0:
                self.enc[r + "conv"] = conv(channels, ch * (mult[0] if dhariwal else 1))
                c = ch * (mult[0] if dhariwal else 1)
            else:
                self.enc[r + "down"] = block(c, c, "down")
                if skips:
                    self.enc[r + "aux_down"], self.enc[r + "aux_skip"] = conv(picture, picture, 0, "down"), conv(picture, c, 1)
                elif ncsnpp:
                    self.enc[r + "aux_residual"] = conv(picture, c, 3, "down")
                    picture = c
            widths.append(c)
            for j in range(layers):
                self.enc[f"{r}block{j}"] = block(c, ch * k, None, i in attention)
                c = ch * k
                widths.append(c)
        self.dec = nn.ModuleDict()
        for i in reversed(range(len(mult))):
            r = f"{size >> i}x{size >> i}_"
            if i == len(mult) - 1:
                self.dec[r + "in0"], self.dec[r + "in1"] = block(c, c, None, True), block(c, c)
            else:
                self.dec[r + "up"] = block(c, c, "up")
            for j in range(layers + 1):
                self.dec[f"{r}block{j}"] = block(c + widths.pop(), ch * mult[i], None, i in attention and (dhariwal or j == layers))
                c = ch * mult[i]
            if skips and i < len(mult) - 1:
                self.dec[r + "aux_up"] = conv(channels, channels, 0, "up")
            if skips or not dhariwal and i == 0:
                self.dec[r + "aux_norm"], self.dec[r + "aux_conv"] = norm(c), conv(c, channels)
        if dhariwal:
            self.out_norm, self.out_conv = norm(c), conv(c, channels)
        self.kept = [k for k in self.state_dict() if k.endswith("resample_filter")]

    def conv(self, m, x, resize=None):
        if resize:
            x = (fir if self.ncsnpp else box)(x, resize)
        return F.conv2d(x, m.weight, m.bias, padding=m.weight.shape[-1] // 2) if hasattr(m, "weight") else x

    def block(self, m, x, e):
        h = self.conv(m.conv0, F.silu(m.norm0(x)), m.resize)
        p = m.affine(e)[:, :, None, None]
        if self.dhariwal:
            scale, shift = p.chunk(2, 1)
            h = F.silu(m.norm1(h) * (scale + 1) + shift)
        else:
            h = F.silu(m.norm1(h + p))
        h = self.conv(m.conv1, h) + (self.conv(m.skip, x, m.resize) if hasattr(m, "skip") else x)
        half = 1 if self.dhariwal else math.sqrt(0.5)
        h = h * half
        if hasattr(m, "qkv"):
            n, c, height, width = h.shape
            heads = c // self.head if self.dhariwal else 1
            q, k, v = (a.flatten(1, 2) for a in self.conv(m.qkv, m.norm2(h)).reshape(n, heads, c // heads, 3, -1).unbind(3))
            h = (h + self.conv(m.proj, attend(q, k, v, heads).reshape(h.shape))) * half
        return h

    def forward(self, x, t, y=None):
        if self.ncsnpp:
            a = t[:, None] * (2 * math.pi * self.map_noise.freqs)[None]
            e = torch.cat([a.sin(), a.cos()], 1)
        else:
            e = sinusoids(t, self.noise, 0 if self.dhariwal else 1, self.dhariwal)
        label = F.one_hot(y, self.labels).float() if self.labels else None
        if label is not None and not self.dhariwal:
            e = e + self.map_label(label * math.sqrt(self.labels))
        e = self.map_layer1(F.silu(self.map_layer0(e)))
        if label is not None and self.dhariwal:
            e = e + self.map_label(label)
        e = F.silu(e)
        stack, picture = [], x
        for name, m in self.enc.items():
            if "aux_down" in name:
                picture = self.conv(m, picture, "down")
                continue
            if "aux_skip" in name:
                x = stack[-1] = x + self.conv(m, picture)
                continue
            if "aux" in name:  # a convolution with zeros, one pixel wider, then the filter at stride 2
                wide, c = F.conv2d(picture, m.weight, padding=2), m.weight.shape[0]
                aux = F.conv2d(wide, m.resample_filter.expand(c, 1, 4, 4), stride=2, groups=c) + m.bias[:, None, None]
                x = stack[-1] = picture = (x + aux) / math.sqrt(2)
                continue
            x = self.block(m, x, e) if hasattr(m, "norm0") else self.conv(m, x)
            stack.append(x)
        out = 0
        for name, m in self.dec.items():
            if "aux" in name:
                if "up" in name:
                    out = self.conv(m, out, "up")
                elif "norm" in name:
                    a = F.silu(m(x))
                else:
                    out = out + self.conv(m, a)
                continue
            if x.shape[1] != m.cin:
                x = torch.cat([x, stack.pop()], 1)
            x = self.block(m, x, e)
        if self.dhariwal:
            return self.conv(self.out_conv, F.silu(self.out_norm(x)))
        return out


class RMSNorm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.g = nn.Parameter(torch.ones(1, c, 1, 1))

    def forward(self, x):
        return F.normalize(x, dim=1) * self.g * math.sqrt(x.shape[1])


class LucidAttention(nn.Module):
    def __init__(self, c, linear, heads=4, d=32, extra=4):
        super().__init__()
        self.heads, self.linear, hidden = heads, linear, heads * d
        self.norm, self.to_qkv = RMSNorm(c), nn.Conv2d(c, 3 * hidden, 1, bias=False)
        self.mem_kv = nn.Parameter(torch.zeros(2, heads, d, extra) if linear else torch.zeros(2, heads, extra, d))
        out = nn.Conv2d(hidden, c, 1)
        self.to_out = nn.Sequential(out, RMSNorm(c)) if linear else out

    def forward(self, x):
        n, c, h, w = x.shape
        q, k, v = (a.reshape(n, self.heads, -1, h * w) for a in self.to_qkv(self.norm(x)).chunk(3, 1))
        mem = self.mem_kv if self.linear else self.mem_kv.transpose(2, 3)
        k, v = (torch.cat([m.expand(n, *m.shape), a], -1) for m, a in zip(mem, (k, v)))
        scale = q.shape[2] ** -0.5
        if self.linear:
            q, k = q.softmax(2) * scale, k.softmax(3)
            o = torch.einsum("nhde,nhdl->nhel", torch.einsum("nhdl,nhel->nhde", k, v), q)
        else:
            o = torch.einsum("nhij,nhdj->nhdi", torch.einsum("nhdi,nhdj->nhij", q * scale, k).softmax(3), v)
        return x + self.to_out(o.reshape(n, -1, h, w))


class Lucid(nn.Module):
    """lucidrains' Unet, version 2."""

    def __init__(self, dim, mult, channels=3):
        super().__init__()
        self.dim, dims = dim, [dim] + [dim * m for m in mult]

        def block(a, b):
            half = lambda c: Modules(proj=nn.Conv2d(c, b, 3, padding=1), norm=RMSNorm(b))
            return Modules(mlp=nn.Sequential(nn.SiLU(), nn.Linear(4 * dim, 2 * b)), block1=half(a), block2=half(b), res_conv=nn.Conv2d(a, b, 1) if a != b else None)

        class Fold(nn.Module):
            def forward(self, x):
                return F.pixel_unshuffle(x, 2)

        self.init_conv = nn.Conv2d(channels, dim, 7, padding=3)
        self.time_mlp = nn.Sequential(nn.Identity(), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, 4 * dim))
        pairs, last = list(zip(dims[:-1], dims[1:])), len(mult) - 1
        self.downs = nn.ModuleList([nn.ModuleList([block(a, a), block(a, a), LucidAttention(a, i < last),
                                    nn.Sequential(Fold(), nn.Conv2d(4 * a, b, 1)) if i < last else nn.Conv2d(a, b, 3, padding=1)]) for i, (a, b) in enumerate(pairs)])
        c = dims[-1]
        self.mid_block1, self.mid_attn, self.mid_block2 = block(c, c), LucidAttention(c, False), block(c, c)
        self.ups = nn.ModuleList([nn.ModuleList([block(a + b, b), block(a + b, b), LucidAttention(b, i > 0),
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
        x = self.init_conv(x)
        stack = [x]
        for b1, b2, attention, down in self.downs:
            x = self.residual(b1, x, t)
            stack.append(x)
            x = attention(self.residual(b2, x, t))
            stack.append(x)
            x = down(x)
        x = self.residual(self.mid_block2, self.mid_attn(self.residual(self.mid_block1, x, t)), t)
        for b1, b2, attention, up in self.ups:
            x = self.residual(b1, torch.cat([x, stack.pop()], 1), t)
            x = up(attention(self.residual(b2, torch.cat([x, stack.pop()], 1), t)))
        return self.final_conv(self.residual(self.final_res_block, torch.cat([x, stack.pop()], 1), t))


def cases():
    """name: (network, channels of the picture, its side, times, classes)"""
    return {
        "lucid": (Lucid(8, (1, 2, 4)), 3, 8, [3.0, 417.0], None),
        "ddpm": (DDPM(32, (1, 2), 1, (1,)), 3, 8, [0.0, 417.0], None),
        "guided": (Guided(32, (1, 2), 1, (1,), 4, classes=5), 3, 8, [3.0, 999.0], [0, 4]),
        "improved": (Guided(32, (1, 1), 2, (0, 1), 2, channels=1, scale_shift=False, resblock=False, together=True), 1, 8, [3.0, 999.0], None),
        "learned": (Guided(32, (1, 2), 1, (0,), 2, learn=True), 3, 8, [0.0, 500.0], None),
        "scoreddpm": (ScoreSDE(32, (1, 2), 1, (1,)), 3, 8, [0.5, 417.3], None),
        "ddpmpp": (ScoreSDE(16, (1, 2, 2), 2, (1,), biggan=True), 3, 8, [0.5, 417.3], None),
        "ncsnpp": (ScoreSDE(16, (1, 2), 2, (1,), biggan=True, fourier=True), 3, 8, [-4.0, 3.5], None),
        "ncsnppvp": (ScoreSDE(16, (1, 2), 1, (1,), biggan=True, filtered=True), 3, 8, [0.5, 417.3], None),
        "ncsnppskips": (ScoreSDE(16, (1, 2, 2), 1, (1,), biggan=True, fourier=True, skips=True), 3, 8, [-4.0, 3.5], None),
        "songskips": (EDM(8, 16, (1, 2, 2), 1, (1,), ncsnpp=True, skips=True), 3, 8, [-4.0, 3.5], None),
        "song": (EDM(8, 16, (1, 2), 2, (1,), labels=5, augment=9), 3, 8, [-1.5, 0.9], [0, 4]),
        "songncsnpp": (EDM(8, 16, (1, 2), 1, (0,), ncsnpp=True), 3, 8, [-4.0, 3.5], None),
        "dhariwal": (EDM(8, 16, (1, 2), 1, (0, 1), labels=5, dhariwal=True, head=8), 3, 8, [-1.5, 0.9], [0, 4]),
    }
