"""Writes this folder's .npy files: python3 make.py (needs numpy; 1.24 wrote these).

golden_test.go holds the same numbers. The files named bad-… are ones to refuse.
"""
import numpy as np

np.save("f4.npy", np.array([[0.1, -2.5, 3e38], [1e-45, -0.0, 7]], "<f4"))
np.save("f8.npy", np.array([0.1, -1e300], "<f8"))
np.save("i4.npy", np.array([[[2147483647], [-5]]], "<i4"))
np.save("i8.npy", np.array([0, 3, 1 << 53], "<i8"))
np.save("u1.npy", np.arange(2 * 2 * 3 * 1, dtype="u1").reshape(2, 2, 3, 1))
np.save("scalar.npy", np.array(7, "<f4"))
with open("version2.npy", "wb") as f:
    np.lib.format.write_array(f, np.array([1.5, 2.5], "<f4"), version=(2, 0))
with open("version3.npy", "wb") as f:
    np.lib.format.write_array(f, np.array([1.5, 2.5], "<f4"), version=(3, 0))

np.save("bad-big-endian.npy", np.array([1, 2], ">f4"))
np.save("bad-fortran.npy", np.asfortranarray(np.zeros((2, 3), "<f4")))
np.save("bad-half.npy", np.zeros(2, "<f2"))
np.save("bad-record.npy", np.zeros(2, [("a", "<f4"), ("b", "<i4")]))
np.save("bad-object.npy", np.array([{}], object))
