package kernel

// softmaxImpls convert one row of scores to weights, in place: with m the largest score,
// p[j] becomes num.Exp32((p[j]−m)·scale), not yet divided by the sum of the weights,
// which they return. The sum is computed in 16 virtual lanes, j in lane j mod 16. len(p)
// is a positive multiple of 16; the padding of a row is −Inf and gets weight 0. If a score
// is NaN, so is the sum, and the weights are unspecified.
var softmaxImpls = append([]impl[func(p []float32, scale float32) float32]{{"ref", true, softmaxRef}}, softmaxSIMD...)

var softmaxFast = fastest(softmaxImpls)

var softmaxGradFast lazy[func(dp, p []float32, scale float32)]

// softmaxGradImpls list the functions that convert dp, the gradient of one row of a
// softmax, to the gradient of its unscaled scores, in place:
// dp[j] ← p[j]·(dp[j] − Σ p·dp)·scale. The lengths are equal.
func softmaxGradImpls() []impl[func(dp, p []float32, scale float32)] {
	return append([]impl[func(dp, p []float32, scale float32)]{{"ref", true, softmaxGradRef}}, softmaxGradSIMD()...)
}
