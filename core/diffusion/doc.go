// Package diffusion turns networks into denoisers.
//
// A process perturbs data by x_t = s(t)·(x₀ + σ(t)·ε), ε ~ N(0,I) (Karras et al.
// 2022, arXiv:2206.00364, eq. 11). Everything above this package works in the
// coordinates of that paper with s(t) = 1,
//
//	x = x₀ + σ·ε,
//
// so that a noise level is one number, σ, in units of pixels that span [−1,1].
// The variance-preserving chain of Ho et al. 2020 has s = √ᾱ and
// σ = √((1−ᾱ)/ᾱ), hence s = 1/√(1+σ²): the input of its networks is
// x scaled by c_in = 1/√(1+σ²).
//
// A Process gives s(t) and σ(t), which determine its chain, kernel, SDE,
// probability-flow ODE and reverse SDE. There is one file for each process, and
// PROCESSES.md compares their formulas. Chain is the discrete-time process of a
// Schedule; Categorical is a process for pixels that take one of K values.
//
// A Denoiser estimates D(x;σ) = E[x₀|x], and by Tweedie's formula the score is
// (D(x;σ) − x)/σ². What a network was trained to predict is a Parametrization:
// D = c_skip·x + c_out·F(c_in·x; c_noise), with
//
//	              c_skip          c_out
//	epsilon       1               −σ
//	x0            0               1
//	v             1/(1+σ²)        −σ/√(1+σ²)
//	score         1               s·σ²
//	scaled score  1               σ
//	velocity      1/(1+σ)         −σ/(1+σ)
//	EDM           σ_d²/(σ²+σ_d²)  σ·σ_d/√(σ²+σ_d²)
//
// An Input gives the other two: c_in is s, and c_noise is the time in the network's
// units; for EDM they are 1/√(σ²+σ_d²) and ln(σ)/4. Convert turns one prediction
// into another.
//
// Images are [N,H,W,C]. Noise levels are float32; coefficients are computed in
// float64 and rounded once, and elementary functions come from core/num, so that
// every machine gets the same bits.
package diffusion
