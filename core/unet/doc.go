// Package unet holds architectures: their configuration, and how they are built
// from layers. Names of parameters are those of the checkpoints they came from.
package unet
