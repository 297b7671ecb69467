// Package likelihood measures how probable a model finds an image, in two ways.
//
// LogDensity follows the probability-flow ODE from the image to noise and adds up how
// the flow spreads out: the density of the ODE's own samples, exact but for the error
// of the integration (Song et al. 2021, arXiv:2011.13456, section 4.3; Chen et al.
// 2018, arXiv:1806.07366). Bound is the variational bound of a discrete chain, with
// its term for every step (Ho et al. 2020, arXiv:2006.11239, eq. 5).
//
// Both speak of nats, natural logarithms summed over an image. Bits per dimension are
// for pixels of 256 levels: a level v stands at v/127.5 − 1 and owns the interval of
// width Bin around it. A density becomes a probability of levels by uniform
// dequantisation (Dequantise, BitsPerDim); Bound is one of levels already.
//
// Images are [N,H,W,C]. Noise is addressed as everywhere (package rng), so that an
// image's numbers do not depend on its batch. Sums run in float64, in one order.
package likelihood
