package weights

// DType names how the numbers of a tensor are stored, with safetensors' names.
type DType string

// The types of a model's tensors. I8 codes have one scale for each entry of the first
// axis, I4 codes one for each group (package core/quant). I4 is a name of this package:
// in a file the codes are of type U8.
const (
	F32 DType = "F32" // IEEE 754 binary32
	F16 DType = "F16" // IEEE 754 binary16
	I8  DType = "I8"  // core/quant's int8 layout
	I4  DType = "I4"  // core/quant's int4 layout
)

// u8 is the type of I4's codes and of byte planes in a file.
const u8 DType = "U8"

// Types that a safetensors file of other makers may hold beside those, and that
// [Tensor.Float32] turns into float32.
const (
	BF16 DType = "BF16" // bfloat16
	F64  DType = "F64"  // IEEE 754 binary64
)

// Size returns the bytes of one number, 0 for I4, which has two numbers to a byte, and
// for a type this package cannot name.
func (d DType) Size() int {
	switch d {
	case "BOOL", u8, I8, "F8_E4M3", "F8_E5M2", "F8_E8M0":
		return 1
	case F16, BF16, "I16", "U16":
		return 2
	case F32, "I32", "U32":
		return 4
	case F64, "I64", "U64", "C64":
		return 8
	}
	return 0
}

// inModel reports whether a model file may hold d.
func (d DType) inModel() bool { return d == F32 || d == F16 || d == I8 || d == I4 }
