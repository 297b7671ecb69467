package output

import (
	"tweedie/weights/npy"
)

// WriteNPY writes pixels of the given shape to the npy file at path.
func WriteNPY(path string, pixels []uint8, shape []int) error {
	return npy.Write(path, &npy.Array{Shape: shape, Data: pixels})
}
