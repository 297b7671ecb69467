// Package unet has network architectures: their configurations, and functions that
// build them from layers. Parameters have the names of the original checkpoints.
package unet
