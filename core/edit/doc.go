// Package edit samples images that agree with given ones, with any sampler and
// without training for the task.
//
// Inpaint repaints the masked part of an image. At every noise level the sampler's
// hook replaces the known part of x by the known pixels with noise of that level:
// the method of Song & Ermon 2019, arXiv:1907.05600, Algorithm 2. This makes the
// repainted part fit its surroundings only approximately, since they are combined
// after each step and not within it. RePaint (Lugmayr et al. 2022, arXiv:2201.09865)
// improves the fit by going back to higher noise levels and down again.
//
// All noise is addressed (see sampler.Noise) by the streams below, so a result
// does not depend on its position in a batch.
package edit
