"""Diffusers' UNet2DModel in plain PyTorch with the names of its checkpoints, written from its
structure: the variants that its config.json knows beside the usual network.
"""
import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from networks import attend, fir, box, sinusoids

ACT = dict(silu=F.silu, swish=F.silu, gelu=F.gelu, mish=F.mish, relu=F.relu)


class Resnet(nn.Module):
    def __init__(self, c, a, b, groups, groups_out, scale=1.0, resize=None, shortcut=False):
        super().__init__()
        self.act, self.shift, self.scale, self.resize, self.skip = ACT[c["act_fn"]], c["resnet_time_scale_shift"] == "scale_shift", scale, resize, c["skips"]
        self.norm1, self.conv1 = nn.GroupNorm(groups, a, c["norm_eps"]), nn.Conv2d(a, b, 3, padding=1)
        self.time_emb_proj = nn.Linear(4 * c["block_out_channels"][0], b * (1 + self.shift))
        self.norm2, self.conv2 = nn.GroupNorm(groups_out, b, c["norm_eps"]), nn.Conv2d(b, b, 3, padding=1)
        if a != b or shortcut:
            self.conv_shortcut = nn.Conv2d(a, b, 1)

    def forward(self, x, e):
        h = self.act(self.norm1(x))
        if self.resize:
            h, x = ((fir if self.skip else box)(v, self.resize) for v in (h, x))
        h, p = self.conv1(h), self.time_emb_proj(self.act(e))[:, :, None, None]
        if self.shift:
            scale, shift = p.chunk(2, 1)
            h = self.norm2(h) * (1 + scale) + shift
        else:
            h = self.norm2(h + p)
        h = self.conv2(self.act(h))
        return ((self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x) + h) / self.scale


class Attention(nn.Module):
    def __init__(self, c, ch, groups, scale=1.0, old=False):
        super().__init__()
        self.heads, self.scale = ch // (c["attention_head_dim"] or ch), scale
        if groups:
            self.group_norm = nn.GroupNorm(groups, ch, c["norm_eps"])
        q, k, v, out = (nn.Linear(ch, ch) for _ in range(4))
        if old:
            self.query, self.key, self.value, self.proj_attn = q, k, v, out
        else:
            self.to_q, self.to_k, self.to_v, self.to_out = q, k, v, nn.ModuleList([out, nn.Dropout(0.0)])

    def forward(self, x):
        h = self.group_norm(x) if hasattr(self, "group_norm") else x
        h = h.flatten(2).transpose(1, 2)
        maps = (self.query, self.key, self.value, self.proj_attn) if hasattr(self, "query") else (self.to_q, self.to_k, self.to_v, self.to_out[0])
        q, k, v = (m(h).transpose(1, 2) for m in maps[:3])
        o = maps[3](attend(q, k, v, self.heads).transpose(1, 2)).transpose(1, 2).reshape(x.shape)
        return (x + o) / self.scale


class Fourier(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n))

    def forward(self, t):
        a = torch.log(t)[:, None] * self.weight[None] * 2 * math.pi
        return torch.cat([a.sin(), a.cos()], 1)


class UNet2DModel(nn.Module):
    def __init__(self, config, old=False):
        super().__init__()
        self.config = config
        c = self.c = dict(dict(act_fn="silu", resnet_time_scale_shift="default", time_embedding_type="positional", attention_head_dim=8, center_input_sample=False,
                               mid_block_scale_factor=1, add_attention=True, attn_norm_num_groups=None, num_class_embeds=None, norm_eps=1e-5,
                               in_channels=3, out_channels=3, downsample_type="conv", upsample_type="conv", flip_sin_to_cos=True, freq_shift=0), **config)
        ch, layers, n = c["block_out_channels"], c["layers_per_block"], c["norm_num_groups"]
        skips = c["skips"] = "Skip" in c["down_block_types"][0]
        groups = (lambda k: min(k // 4, 32)) if skips else (lambda k: n)
        root = math.sqrt(2) if skips else 1.0
        res = lambda a, b, scale=root, **k: Resnet(c, a, b, groups(a), groups(b), scale, **k)
        attn = lambda k: Attention(c, k, 32 if skips else n, root, old)
        self.conv_in = nn.Conv2d(c["in_channels"], ch[0], 3, padding=1)
        width, kind = ch[0], c["time_embedding_type"]
        if kind == "fourier":
            self.time_proj, width = Fourier(ch[0]), 2 * ch[0]
        elif kind == "learned":
            self.time_proj = nn.Embedding(c["num_train_timesteps"], ch[0])
        self.time_embedding = nn.ModuleDict(dict(linear_1=nn.Linear(width, 4 * ch[0]), linear_2=nn.Linear(4 * ch[0], 4 * ch[0])))
        if c["num_class_embeds"]:
            self.class_embedding = nn.Embedding(c["num_class_embeds"], 4 * ch[0])
        self.down_blocks, a, widths = nn.ModuleList(), ch[0], [ch[0]]
        for i, (b, name) in enumerate(zip(ch, c["down_block_types"])):
            m = nn.Module()
            m.resnets, m.attentions = nn.ModuleList(), nn.ModuleList()
            for _ in range(layers):
                m.resnets.append(res(a, b))
                a = b
                widths.append(a)
                if name.startswith("Attn"):
                    m.attentions.append(attn(a))
            if i < len(ch) - 1:
                widths.append(a)
                if skips:
                    m.resnet_down, m.skip_conv = res(a, a, resize="down", shortcut=True), nn.Conv2d(3, a, 1)
                elif name.startswith("Resnet") or name.startswith("Attn") and c["downsample_type"] == "resnet":
                    m.downsamplers = nn.ModuleList([res(a, a, resize="down")])
                else:
                    m.downsamplers = nn.ModuleList([nn.ModuleDict(dict(conv=nn.Conv2d(a, a, 3, 2, 1)))])
            self.down_blocks.append(m)
        scale, mid = c["mid_block_scale_factor"], self.mid_block_of
        self.mid_block = nn.Module()
        self.mid_block.resnets = nn.ModuleList([res(a, a, scale), res(a, a, scale)])
        self.mid_block.attentions = nn.ModuleList([Attention(c, a, mid(groups(a)), scale, old)] if c["add_attention"] else [])
        self.up_blocks = nn.ModuleList()
        for i, (b, name) in enumerate(zip(reversed(ch), c["up_block_types"])):
            m = nn.Module()
            m.resnets, m.attentions = nn.ModuleList(), nn.ModuleList()
            for _ in range(layers + 1):
                skip = widths.pop()
                first = min(a + skip // 4, 32) if name.startswith("AttnSkip") else groups(a + skip)
                m.resnets.append(Resnet(c, a + skip, b, first, groups(b), root))
                a = b
                if name.startswith("Attn") and (not skips or not len(m.attentions)):
                    m.attentions.append(attn(a))
            if i < len(ch) - 1:
                if skips:
                    m.resnet_up, m.skip_norm, m.skip_conv = res(a, a, resize="up", shortcut=True), nn.GroupNorm(groups(a), a, c["norm_eps"]), nn.Conv2d(a, 3, 3, padding=1)
                elif name.startswith("Resnet") or name.startswith("Attn") and c["upsample_type"] == "resnet":
                    m.upsamplers = nn.ModuleList([res(a, a, resize="up")])
                else:
                    m.upsamplers = nn.ModuleList([nn.ModuleDict(dict(conv=nn.Conv2d(a, a, 3, padding=1)))])
            self.up_blocks.append(m)
        self.conv_norm_out, self.conv_out = nn.GroupNorm(groups(a), a, c["norm_eps"]), nn.Conv2d(a, c["out_channels"], 3, padding=1)

    def mid_block_of(self, groups):
        if self.c["attn_norm_num_groups"]:
            return self.c["attn_norm_num_groups"]
        return groups if self.c["resnet_time_scale_shift"] == "default" else None

    def resize(self, layer, x, e):
        if hasattr(layer, "norm1"):
            return layer(x, e)
        return layer["conv"](x if layer["conv"].stride[0] == 2 else box(x, "up"))

    def forward(self, x, t, y=None):
        c = self.c
        if c["center_input_sample"]:
            x = 2 * x - 1
        if c["time_embedding_type"] == "positional":
            e = sinusoids(t, c["block_out_channels"][0], c["freq_shift"], c["flip_sin_to_cos"])
        else:
            e = self.time_proj(t if c["time_embedding_type"] == "fourier" else t.long())
        e = self.time_embedding["linear_2"](F.silu(self.time_embedding["linear_1"](e)))
        if y is not None:
            e = e + self.class_embedding(y)
        picture, h = x, self.conv_in(x)
        stack = [h]
        for m in self.down_blocks:
            for j, r in enumerate(m.resnets):
                h = r(h, e)
                if len(m.attentions):
                    h = m.attentions[j](h)
                stack.append(h)
            if hasattr(m, "resnet_down"):
                picture = fir(picture, "down")
                h = m.skip_conv(picture) + m.resnet_down(h, e)
                stack.append(h)
            elif hasattr(m, "downsamplers"):
                h = self.resize(m.downsamplers[0], h, e)
                stack.append(h)
        h = self.mid_block.resnets[0](h, e)
        for a in self.mid_block.attentions:
            h = a(h)
        h = self.mid_block.resnets[1](h, e)
        skip = None
        for m in self.up_blocks:
            for j, r in enumerate(m.resnets):
                h = r(torch.cat([h, stack.pop()], 1), e)
                if len(m.attentions) > j and not c["skips"]:
                    h = m.attentions[j](h)
            if c["skips"]:
                for a in m.attentions:
                    h = a(h)
                skip = 0 if skip is None else fir(skip, "up")
                if hasattr(m, "resnet_up"):
                    skip = skip + m.skip_conv(F.silu(m.skip_norm(h)))
                    h = m.resnet_up(h, e)
            elif hasattr(m, "upsamplers"):
                h = self.resize(m.upsamplers[0], h, e)
        h = self.conv_out(F.silu(self.conv_norm_out(h)))
        if skip is not None:
            h = h + skip
        return h / t[:, None, None, None] if c["time_embedding_type"] == "fourier" else h


def cases():
    two = dict(block_out_channels=[16, 32], layers_per_block=1, sample_size=8, norm_num_groups=8)
    plain = dict(two, down_block_types=["DownBlock2D", "AttnDownBlock2D"], up_block_types=["AttnUpBlock2D", "UpBlock2D"])
    return {
        "unetskips": (UNet2DModel(dict(
            two, block_out_channels=[32, 64, 64], norm_num_groups=None, norm_eps=1e-6, center_input_sample=True, attention_head_dim=None, mid_block_scale_factor=math.sqrt(2), time_embedding_type="fourier",
            down_block_types=["SkipDownBlock2D", "AttnSkipDownBlock2D", "SkipDownBlock2D"], up_block_types=["SkipUpBlock2D", "AttnSkipUpBlock2D", "SkipUpBlock2D"]), old=True), 3, 8, [0.02, 417.3], None),
        "unetresnets": (UNet2DModel(dict(
            two, act_fn="gelu", resnet_time_scale_shift="scale_shift", mid_block_scale_factor=2.0, center_input_sample=True, downsample_type="resnet",
            upsample_type="resnet", down_block_types=["ResnetDownsampleBlock2D", "AttnDownBlock2D"], up_block_types=["AttnUpBlock2D", "ResnetUpsampleBlock2D"])), 3, 8, [3.0, 417.0], None),
        "unetlearned": (UNet2DModel(dict(
            plain, act_fn="mish", time_embedding_type="learned", num_train_timesteps=20, attn_norm_num_groups=4)), 3, 8, [3.0, 19.0], None),
        "unetfourier": (UNet2DModel(dict(
            plain, act_fn="relu", time_embedding_type="fourier", add_attention=False, num_class_embeds=5)), 3, 8, [0.02, 417.3], [0, 4]),
    }
