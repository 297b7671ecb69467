// Package picturefile decodes the picture files of visitors and authors: PNG, JPEG, GIF (its
// first frame), WebP and BMP. The page, the command line and the library use it, so that one
// file gives the same pixels everywhere.
//
// The pixels are those that the file stores, turned upright by its Exif orientation. Colour
// profiles and the gamma of a display (the chunks gAMA, cHRM, sRGB, iCCP and cICP of PNG, the
// profiles of JPEG and WebP) change nothing: programs disagree about them, and a model was
// trained on stored values.
//
// Sizes are checked before memory is allocated, and the work is bounded: see Limits.
package picturefile
