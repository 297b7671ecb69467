package kernel

func groupNormRef(y, x, gamma, beta, mean, rstd []float32, n Norm) {
	cg := n.C / n.Groups
	for g := range n.Groups {
		var sum, squares float32
		for c := g * cg; c < (g+1)*cg; c++ {
			sum += columnSum(x[c:], n.C)
		}
		mean[g] = sum / n.count()
		for c := g * cg; c < (g+1)*cg; c++ {
			squares += columnSquares(x[c:], n.C, mean[g])
		}
		rstd[g] = rstdOf(squares/n.count(), n.Eps)
		for c := g * cg; c < (g+1)*cg; c++ {
			normColumn(y[c:], x[c:], mean[g], rstd[g]*gamma[c], beta[c], n)
		}
	}
}

// columnSum sums every stride-th number of x in 4 virtual lanes.
func columnSum(x []float32, stride int) float32 {
	var lane [4]float32
	for p, i := 0, 0; i < len(x); p, i = p+1, i+stride {
		lane[p%4] += x[i]
	}
	return (lane[0] + lane[2]) + (lane[1] + lane[3])
}

// columnSquares sums (x[i] − mean)² over every stride-th i in 4 virtual lanes.
func columnSquares(x []float32, stride int, mean float32) float32 {
	var lane [4]float32
	for p, i := 0, 0; i < len(x); p, i = p+1, i+stride {
		d := x[i] - mean
		lane[p%4] += float32(d * d)
	}
	return (lane[0] + lane[2]) + (lane[1] + lane[3])
}

// normColumn normalizes one channel; x and y start at its first element.
func normColumn(y, x []float32, mean, a, beta float32, n Norm) {
	for i := 0; i < len(x); i += n.C {
		z := float32((x[i]-mean)*a) + beta
		if n.SiLU {
			z = silu(z)
		}
		y[i] = z
	}
}

// groupNormBackwardRef: with x̂ = (x−mean)·rstd, dz = dy (·SiLU′(z)) and the mean
// ⟨·⟩ over a group, dx = rstd·(gamma·dz − ⟨gamma·dz⟩ − x̂·⟨gamma·dz·x̂⟩).
func groupNormBackwardRef(dx, dgamma, dbeta, x, gamma, beta, mean, rstd, dy []float32, n Norm) {
	cg := n.C / n.Groups
	for g := range n.Groups {
		var sum, product float32
		for c := g * cg; c < (g+1)*cg; c++ {
			db, dg := columnGrads(x[c:], dy[c:], mean[g], rstd[g], gamma[c], beta[c], n)
			dbeta[c] += db
			dgamma[c] += dg
			sum += float32(gamma[c] * db)
			product += float32(gamma[c] * dg)
		}
		sum, product = sum/n.count(), product/n.count()
		for c := g * cg; c < (g+1)*cg; c++ {
			addColumnGrad(dx[c:], x[c:], dy[c:], mean[g], rstd[g], gamma[c], beta[c], sum, product, n)
		}
	}
}

// columnGrads returns Σ dz and Σ dz·x̂ of one channel.
func columnGrads(x, dy []float32, mean, rstd, gamma, beta float32, n Norm) (db, dg float32) {
	for i := 0; i < len(x); i += n.C {
		xhat := (x[i] - mean) * rstd
		dz := normSlope(dy[i], xhat, gamma, beta, n.SiLU)
		db += dz
		dg += float32(dz * xhat)
	}
	return db, dg
}

// addColumnGrad adds to dx the gradient of one channel. sum is ⟨gamma·dz⟩ and
// product is ⟨gamma·dz·x̂⟩.
func addColumnGrad(dx, x, dy []float32, mean, rstd, gamma, beta, sum, product float32, n Norm) {
	for i := 0; i < len(x); i += n.C {
		xhat := (x[i] - mean) * rstd
		dz := normSlope(dy[i], xhat, gamma, beta, n.SiLU)
		dx[i] += float32(rstd * (float32(gamma*dz) - sum - float32(xhat*product)))
	}
}

// normSlope returns dz, the gradient of z = gamma·x̂ + beta, from dy, the gradient of y.
func normSlope(dy, xhat, gamma, beta float32, withSiLU bool) float32 {
	if withSiLU {
		dy *= siluSlope(float32(xhat*gamma) + beta)
	}
	return dy
}
