"""A plain PyTorch U-Net with the tensor names and the arithmetic of Hugging Face
diffusers' UNet2DModel (positional time embedding, DownBlock2D / AttnDownBlock2D,
UNetMidBlock2D, AttnUpBlock2D / UpBlock2D). It is an independent reference: written
against PyTorch only, so that a program which agrees with it agrees with diffusers
checkpoints of this family.

Needs torch (Debian: python3-torch). Shapes are [N, C, H, W], float32.
"""
import math
import torch
import torch.nn as nn
import torch.nn.functional as F


class Resnet(nn.Module):
    def __init__(self, cin, cout, temb, groups, eps):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, cin, eps)
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1)
        self.time_emb_proj = nn.Linear(temb, cout)
        self.norm2 = nn.GroupNorm(groups, cout, eps)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(cin, cout, 1) if cin != cout else None

    def forward(self, x, e):
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + self.time_emb_proj(F.silu(e))[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return (x if self.conv_shortcut is None else self.conv_shortcut(x)) + h


class Attention(nn.Module):
    def __init__(self, c, heads, groups, eps):
        super().__init__()
        self.heads = heads
        self.group_norm = nn.GroupNorm(groups, c, eps)
        self.to_q, self.to_k, self.to_v = nn.Linear(c, c), nn.Linear(c, c), nn.Linear(c, c)
        self.to_out = nn.ModuleList([nn.Linear(c, c)])

    def forward(self, x):
        b, c, h, w = x.shape
        y = self.group_norm(x).reshape(b, c, h * w).transpose(1, 2)
        split = lambda t: t.reshape(b, h * w, self.heads, c // self.heads).transpose(1, 2)
        q, k, v = split(self.to_q(y)), split(self.to_k(y)), split(self.to_v(y))
        a = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(c // self.heads), -1) @ v
        a = a.transpose(1, 2).reshape(b, h * w, c)
        return x + self.to_out[0](a).transpose(1, 2).reshape(b, c, h, w)


class Downsample(nn.Module):
    def __init__(self, c, padding):
        super().__init__()
        self.padding = padding
        self.conv = nn.Conv2d(c, c, 3, stride=2, padding=padding)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1)) if self.padding == 0 else x)


class Upsample(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class UNet2D(nn.Module):
    """config: the keys of a diffusers config.json for UNet2DModel."""

    def __init__(self, config):
        super().__init__()
        c = self.config = config
        ch, eps, g = c["block_out_channels"], c["norm_eps"], c["norm_num_groups"]
        layers, temb, hd = c["layers_per_block"], ch[0] * 4, c["attention_head_dim"]
        heads = lambda n: 1 if hd is None else n // hd
        self.conv_in = nn.Conv2d(c["in_channels"], ch[0], 3, padding=1)
        self.time_embedding = nn.ModuleDict(dict(linear_1=nn.Linear(ch[0], temb), linear_2=nn.Linear(temb, temb)))
        if c.get("num_class_embeds"):
            self.class_embedding = nn.Embedding(c["num_class_embeds"], temb)
        self.down_blocks, skips, n = nn.ModuleList(), [ch[0]], ch[0]
        for i, out in enumerate(ch):
            block = nn.ModuleDict(dict(resnets=nn.ModuleList()))
            attn = c["down_block_types"][i].startswith("Attn")
            if attn:
                block["attentions"] = nn.ModuleList()
            for _ in range(layers):
                block["resnets"].append(Resnet(n, out, temb, g, eps))
                n = out
                skips.append(n)
                if attn:
                    block["attentions"].append(Attention(n, heads(n), g, eps))
            if i < len(ch) - 1:
                block["downsamplers"] = nn.ModuleList([Downsample(n, c["downsample_padding"])])
                skips.append(n)
            self.down_blocks.append(block)
        self.mid_block = nn.ModuleDict(dict(
            resnets=nn.ModuleList([Resnet(n, n, temb, g, eps), Resnet(n, n, temb, g, eps)]),
            attentions=nn.ModuleList([Attention(n, heads(n), g, eps)])))
        self.up_blocks = nn.ModuleList()
        for j, out in enumerate(reversed(ch)):
            block = nn.ModuleDict(dict(resnets=nn.ModuleList()))
            attn = c["up_block_types"][j].startswith("Attn")
            if attn:
                block["attentions"] = nn.ModuleList()
            for _ in range(layers + 1):
                block["resnets"].append(Resnet(n + skips.pop(), out, temb, g, eps))
                n = out
                if attn:
                    block["attentions"].append(Attention(n, heads(n), g, eps))
            if j < len(ch) - 1:
                block["upsamplers"] = nn.ModuleList([Upsample(n)])
            self.up_blocks.append(block)
        self.conv_norm_out = nn.GroupNorm(g, n, eps)
        self.conv_out = nn.Conv2d(n, c["out_channels"], 3, padding=1)

    def time_proj(self, t):
        half = self.config["block_out_channels"][0] // 2
        freqs = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / (half - self.config["freq_shift"]))
        a = t.float()[:, None] * freqs[None]
        return torch.cat([torch.cos(a), torch.sin(a)] if self.config["flip_sin_to_cos"] else [torch.sin(a), torch.cos(a)], 1)

    def forward(self, x, t, y=None):
        e = self.time_embedding["linear_2"](F.silu(self.time_embedding["linear_1"](self.time_proj(t))))
        if y is not None:
            e = e + self.class_embedding(y)
        h = self.conv_in(x)
        stack = [h]
        for block in self.down_blocks:
            for i, r in enumerate(block["resnets"]):
                h = r(h, e)
                if "attentions" in block:
                    h = block["attentions"][i](h)
                stack.append(h)
            if "downsamplers" in block:
                h = block["downsamplers"][0](h)
                stack.append(h)
        h = self.mid_block["resnets"][0](h, e)
        h = self.mid_block["attentions"][0](h)
        h = self.mid_block["resnets"][1](h, e)
        for block in self.up_blocks:
            for i, r in enumerate(block["resnets"]):
                h = r(torch.cat([h, stack.pop()], 1), e)
                if "attentions" in block:
                    h = block["attentions"][i](h)
            if "upsamplers" in block:
                h = block["upsamplers"][0](h)
        return self.conv_out(F.silu(self.conv_norm_out(h)))


def config(ch, down, layers=2, channels=3, size=32, groups=32, head_dim=None, eps=1e-6, flip=False, shift=1, pad=0, classes=None):
    up = [("Attn" if d.startswith("Attn") else "") + "UpBlock2D" for d in reversed(down)]
    return dict(_class_name="UNet2DModel", act_fn="silu", attention_head_dim=head_dim, block_out_channels=list(ch),
                center_input_sample=False, down_block_types=list(down), downsample_padding=pad, flip_sin_to_cos=flip,
                freq_shift=shift, in_channels=channels, layers_per_block=layers, mid_block_scale_factor=1, norm_eps=eps,
                norm_num_groups=groups, num_class_embeds=classes, out_channels=channels, sample_size=size,
                time_embedding_type="positional", up_block_types=up)


D, A = "DownBlock2D", "AttnDownBlock2D"
CONFIGS = {
    "gray": config((8, 16), (D, A), layers=1, channels=1, size=8, groups=4),
    "rgb": config((8, 16, 16), (D, A, D), layers=2, channels=3, size=12, groups=4, head_dim=4, eps=1e-5, flip=True, shift=0, pad=1, classes=5),
}


def build(name_or_config, seed=0):
    torch.manual_seed(seed)
    c = CONFIGS[name_or_config] if isinstance(name_or_config, str) else name_or_config
    net = UNet2D(c).eval()
    with torch.no_grad():  # norms and biases away from their 1 and 0, so that a mistake in them shows
        for p in net.parameters():
            if p.ndim == 1:
                p.add_(0.1 * torch.randn_like(p))
    return net
