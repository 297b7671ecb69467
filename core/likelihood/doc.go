// Package likelihood computes the likelihood of images under a model, in two ways.
//
// LogDensity integrates the probability-flow ODE from the image to noise, and the
// divergence of the flow: this is the density of the ODE's samples, exact except for
// the error of the integration (Song et al. 2021, arXiv:2011.13456, section 4.3; Chen
// et al. 2018, arXiv:1806.07366). Bound is the variational bound of a discrete chain,
// with a term for every step (Ho et al. 2020, arXiv:2006.11239, eq. 5).
//
// Results are in nats, summed over an image. Bits per dimension are for pixels of 256
// levels: level v has the pixel value v/127.5 − 1 and the interval of width Bin around
// it. Uniform dequantization turns a density into a probability of levels (Dequantize,
// BitsPerDim); Bound is about levels already.
//
// Images are [N,H,W,C]. Noise is addressed (package rng), so that the result for an
// image does not depend on its batch. Sums are in float64, in a fixed order.
package likelihood
