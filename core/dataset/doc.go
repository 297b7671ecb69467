// Package dataset reads training pictures: idx files, in the format of MNIST, and folders and zip
// archives of PNG, JPEG, GIF, WebP and BMP files. Input is not trusted: each size is checked against a limit before memory
// is allocated for it.
//
// Pixels are uint8 in [N,H,W,C], channels last; C is 1 (gray), 3 (RGB) or 4 (RGB and alpha).
package dataset
