"""Writes the .npz cases beside this file: python3 make_npz.py. Needs NumPy.

Every array x is np.arange of its size in its shape, times 0.5 for floating types; bool is
x odd. big-endian.npz has its bytes in the other order.
"""
import os
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
shape = (2, 3)
count = np.arange(6).reshape(shape)
arrays = {t: count.astype(t) for t in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")}
arrays |= {t: (count * 0.5).astype(t) for t in ("f2", "f4", "f8")}
arrays["b1"] = count % 2 == 1
arrays["fortran"] = np.asfortranarray((np.arange(24) * 0.5).astype("f4").reshape(2, 3, 4))
arrays["scalar"] = np.float32(0)
arrays["empty"] = np.zeros((0, 3), "f4")
np.savez(os.path.join(HERE, "all.npz"), **arrays)
np.savez_compressed(os.path.join(HERE, "compressed.npz"), **arrays)
np.savez(os.path.join(HERE, "big-endian.npz"), **{k: v.astype(v.dtype.newbyteorder(">")) for k, v in arrays.items()})
np.savez(os.path.join(HERE, "bad-object.npz"), x=np.array([None, 1]))
