// Package dataset reads pictures to train on: idx files as MNIST is published,
// and folders of PNG or JPEG files. Everything read is treated as hostile: each
// size is checked against Limits before it is allocated.
//
// Pixels are uint8 in [N,H,W,C], channels last, C = 1 (gray) or 3 (RGB).
package dataset
