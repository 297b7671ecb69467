package kernel

// softmaxImpls turn one row of scores into weights, in place: with m the largest
// score, p[j] becomes num.Exp32((p[j]−m)·scale), not yet divided by the sum,
// which they return. The sum runs in 16 virtual lanes, j in lane j mod 16. len(p)
// is a positive multiple of 16; what fills a row up is −Inf and weighs 0. If a score
// is NaN so is the sum, and the weights may be anything.
var softmaxImpls = append([]impl[func(p []float32, scale float32) float32]{{"ref", true, softmaxRef}}, softmaxSIMD...)

// softmaxGradImpls turn dp, the gradient of one row of a softmax, into that of its
// scores before they were scaled, in place: dp[j] ← p[j]·(dp[j] − Σ p·dp)·scale.
// The lengths are equal.

var (
	softmaxFast = fastest(softmaxImpls)
)

var softmaxGradFast chosen[func(dp, p []float32, scale float32)]

func softmaxGradImpls() []impl[func(dp, p []float32, scale float32)] {
	return append([]impl[func(dp, p []float32, scale float32)]{{"ref", true, softmaxGradRef}}, softmaxGradSIMD()...)
}
