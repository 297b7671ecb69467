// Package edit makes images that agree with given ones, with any sampler and
// without training for it.
//
// Inpaint repaints the part of an image that a mask marks. At every noise level
// it replaces the known part of x by the known pixels with noise of that level,
// through the hook that every sampler has: the loop of Song & Ermon 2019,
// arXiv:1907.05600, Algorithm 2. What is painted then fits its surroundings, but
// the sampler never saw it and its surroundings at one level together; RePaint
// (Lugmayr et al. 2022, arXiv:2201.09865) goes back up and down again for that.
//
// All noise is addressed (see sampler.Noise) by the streams below, so a result
// does not depend on its place in a batch.
package edit
