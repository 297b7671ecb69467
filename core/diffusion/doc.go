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
// σ = √((1−ᾱ)/ᾱ), hence s = 1/√(1+σ²): its networks are reached by scaling
// their input with c_in = 1/√(1+σ²).
//
// A Process says s(t) and σ(t); its chain, kernel, SDE, probability-flow ODE and
// reverse SDE follow. There is one file a process, and PROCESSES.md has their
// formulas side by side. Chain is one of them, given by a Schedule; Categorical is
// the kin for pixels that take one of K values.
//
// A Denoiser estimates D(x;σ) = E[x₀|x], and by Tweedie's formula the score is
// (D(x;σ) − x)/σ². What a network was trained to predict is a Parametrisation:
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
// An Input gives the other two: c_in is s, and c_noise the time as the network
// knows it; for EDM they are 1/√(σ²+σ_d²) and ln(σ)/4. Convert turns one
// prediction into another.
//
// Images are [N,H,W,C]. Noise levels travel as float32; coefficients are worked
// out in float64 and rounded once, and elementary functions come from core/num,
// so that every machine gets the same bits.
package diffusion
