package unet

import (
	"fmt"
	"strconv"
	"strings"

	"tweedie/core/minijson"
)

// Size is the height and width of images. In JSON it is one number for a square, and
// otherwise the array [height, width], as in diffusers.
type Size struct{ H, W int }

// Square returns the size of square images.
func Square(side int) Size { return Size{side, side} }

// valid reports whether both sides are within the limits of a configuration.
func (s Size) valid() bool { return within(s.H, 1, MaxSize) && within(s.W, 1, MaxSize) }

// multipleOf reports whether n divides both sides.
func (s Size) multipleOf(n int) bool { return s.H%n == 0 && s.W%n == 0 }

// String returns what Set reads, empty for the zero size: "16x8" is 16 high and 8 wide.
func (s Size) String() string {
	switch {
	case s == Size{}:
		return ""
	case s.H == s.W:
		return strconv.Itoa(s.H)
	}
	return strconv.Itoa(s.H) + "x" + strconv.Itoa(s.W)
}

// Set reads "32", a square, or "16x8", 16 high and 8 wide. With String and Type it makes
// *Size a pflag.Value. After an error the size is as before.
func (s *Size) Set(text string) error {
	height, width, rectangle := strings.Cut(text, "x")
	if !rectangle {
		width = height
	}
	h, errH := strconv.Atoi(height)
	w, errW := strconv.Atoi(width)
	if size := (Size{h, w}); errH == nil && errW == nil && size.valid() {
		*s = size
		return nil
	}
	return fmt.Errorf("must be one number such as 32, or height x width such as 16x8, each from 1 to %d", MaxSize)
}

// Type names the kind of value in the help of a flag.
func (*Size) Type() string { return "size" }

// ReadJSON implements minijson.Reader.
func (s *Size) ReadJSON(data []byte) error {
	var side int
	if minijson.Unmarshal(data, &side) == nil {
		*s = Square(side)
		return nil
	}
	var sides []int
	if err := minijson.Unmarshal(data, &sides); err != nil || len(sides) != 2 {
		return fmt.Errorf("must be a whole number, or an array of height and width (got %s)", minijson.Clip(string(data)))
	}
	*s = Size{sides[0], sides[1]}
	return nil
}

// WriteJSON implements minijson.Writer.
func (s Size) WriteJSON() ([]byte, error) {
	if s.H == s.W {
		return strconv.AppendInt(nil, int64(s.H), 10), nil
	}
	return fmt.Appendf(nil, "[%d,%d]", s.H, s.W), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Size) UnmarshalJSON(data []byte) error { return s.ReadJSON(data) }

// MarshalJSON implements json.Marshaler.
func (s Size) MarshalJSON() ([]byte, error) { return s.WriteJSON() }
