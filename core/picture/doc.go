// Package picture fits pictures from outside to the shape of a model. The page,
// the command line, the API and the library all use it, so that the same decoded
// pixels and the same options give the same bytes everywhere.
//
// The rule, in order:
//
//  1. For a model of one or three channels, every pixel is composed over the
//     background: in 16 bits, rounded down to 8, as package image/draw does it.
//     The background "auto" is black where a part of the picture is transparent
//     and the rest is light, and white otherwise.
//  2. A picture that has the model's height and width keeps its bytes. Any other
//     is brought to size: "crop" takes the largest rectangle of the model's
//     proportions about the centre; "pad" keeps the whole picture and fills the
//     rest of the frame with the mean colour of the picture's border.
//  3. Along an axis that shrinks, a pixel is the mean of the area it covers
//     (box filter). Along an axis that grows, it is interpolated linearly between
//     the centres of two pixels. Colours count by their alpha in pictures that
//     keep it.
//  4. A model of one channel gets the luma of ITU-R BT.601, as package
//     image/color computes it.
//  5. The result is inverted if the options say so, and then its levels are
//     stretched if they say so.
//
// Filtering works on the stored values, without a change of gamma, in whole
// numbers with one rounding (half up) a pixel.
package picture
