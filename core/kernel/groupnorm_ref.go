package kernel

func groupNormRef(y, x, gamma, beta, mean, rstd []float32, n Norm) {
	cg := n.C / n.Groups
	count := float32(n.HW * cg)
	for g := range n.Groups {
		var sum, squares float32
		for c := g * cg; c < (g+1)*cg; c++ {
			sum += columnSum(x[c:], n.C)
		}
		mean[g] = sum / count
		for c := g * cg; c < (g+1)*cg; c++ {
			squares += columnSquares(x[c:], n.C, mean[g])
		}
		rstd[g] = rstdOf(squares/count, n.Eps)
		for c := g * cg; c < (g+1)*cg; c++ {
			a := rstd[g] * gamma[c]
			for i := c; i < len(x); i += n.C {
				z := float32((x[i]-mean[g])*a) + beta[c]
				if n.SiLU {
					z = silu(z)
				}
				y[i] = z
			}
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

// columnSquares sums the squares of every stride-th number of x less mean.
func columnSquares(x []float32, stride int, mean float32) float32 {
	var lane [4]float32
	for p, i := 0, 0; i < len(x); p, i = p+1, i+stride {
		d := x[i] - mean
		lane[p%4] += float32(d * d)
	}
	return (lane[0] + lane[2]) + (lane[1] + lane[3])
}

// groupNormBackwardRef: with x̂ = (x−mean)·rstd, dz = dy (·SiLU′(z)) and the mean
// ⟨·⟩ over a group, dx = rstd·(gamma·dz − ⟨gamma·dz⟩ − x̂·⟨gamma·dz·x̂⟩).
func groupNormBackwardRef(dx, dgamma, dbeta, x, gamma, beta, mean, rstd, dy []float32, n Norm) {
	cg := n.C / n.Groups
	count := float32(n.HW * cg)
	for g := range n.Groups {
		m, r := mean[g], rstd[g]
		var sum, product float32 // Σ gamma·dz and Σ gamma·dz·x̂ over the group
		for c := g * cg; c < (g+1)*cg; c++ {
			var db, dg float32
			for i := c; i < len(x); i += n.C {
				xhat := (x[i] - m) * r
				dz := normSlope(dy[i], xhat, gamma[c], beta[c], n.SiLU)
				db += dz
				dg += float32(dz * xhat)
			}
			dbeta[c] += db
			dgamma[c] += dg
			sum += float32(gamma[c] * db)
			product += float32(gamma[c] * dg)
		}
		for c := g * cg; c < (g+1)*cg; c++ {
			for i := c; i < len(x); i += n.C {
				xhat := (x[i] - m) * r
				dz := normSlope(dy[i], xhat, gamma[c], beta[c], n.SiLU)
				dx[i] += r * (float32(gamma[c]*dz) - sum/count - float32(xhat*(product/count)))
			}
		}
	}
}

// normSlope returns the gradient of z = gamma·x̂ + beta from dy, that of y.
func normSlope(dy, xhat, gamma, beta float32, withSiLU bool) float32 {
	if withSiLU {
		dy *= siluSlope(float32(xhat*gamma) + beta)
	}
	return dy
}
