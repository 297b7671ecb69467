package kernel

import "tweedie/core/num"

func softmaxRef(p []float32, scale float32) float32 {
	m := p[0]
	for _, s := range p {
		m = max(m, s)
	}
	var lane [16]float32
	for j, s := range p {
		p[j] = num.Exp32((s - m) * scale)
		lane[j%16] += p[j]
	}
	return sum16(&lane)
}

func softmaxGradRef(dp, p []float32, scale float32) {
	mean := dotInOrder(p, dp)
	for j, v := range p {
		dp[j] = v * (dp[j] - mean) * scale
	}
}
