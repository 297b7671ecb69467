"""The three measured U-Nets, built by core/unet/testdata/unet2d.py."""
import os, sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "core", "unet", "testdata"))
import unet2d
from unet2d import A, D, config

CONFIGS = {
    "mnist": config((32, 64, 64), (D, D, A), layers=1, channels=1, size=28, groups=8),
    "rgb32": config((64, 128, 128), (D, A, D)),
    "cifar10": config((128, 256, 256, 256), (D, A, D, D)),  # the shape of google/ddpm-cifar10-32
}


def build(name):
    return unet2d.build(CONFIGS[name])
