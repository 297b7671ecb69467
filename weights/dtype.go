package weights

// DType is the type in which the numbers of a tensor are stored, by safetensors' names.
type DType string

// The types that a model's tensors may have. I8 codes have one scale for each entry of
// the first axis, I4 codes one for each group (package core/quant). I4 is not a type of
// safetensors: a file stores its codes as U8.
const (
	F32 DType = "F32" // IEEE 754 binary32
	F16 DType = "F16" // IEEE 754 binary16
	I8  DType = "I8"  // core/quant's int8 layout
	I4  DType = "I4"  // core/quant's int4 layout
)

// u8 is the type that a file gives to I4 codes and to byte planes.
const u8 DType = "U8"

// Further types that safetensors files from other programs may contain and that
// [Tensor.Float32] converts to float32.
const (
	BF16 DType = "BF16" // bfloat16
	F64  DType = "F64"  // IEEE 754 binary64
)

// Size returns the size of one number in bytes. It is 0 for I4, which packs two numbers
// into a byte, and for an unknown type.
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

// inModel reports whether a model file may contain tensors of type d.
func (d DType) inModel() bool { return d == F32 || d == F16 || d == I8 || d == I4 }
