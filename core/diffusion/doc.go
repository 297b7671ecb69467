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
// A Denoiser estimates D(x;σ) = E[x₀|x], and by Tweedie's formula the score is
// (D(x;σ) − x)/σ². What a network was trained to predict is a Parametrisation,
// one file each: D = c_skip·x + c_out·F(c_in·x; c_noise), with
//
//	            c_skip          c_out              c_in          c_noise
//	Epsilon     1               −σ                 1/√(1+σ²)     t(σ)
//	EDM         σ_d²/(σ²+σ_d²)  σ·σ_d/√(σ²+σ_d²)   1/√(σ²+σ_d²)  ln(σ)/4
//
// Images are [N,H,W,C]. Noise levels travel as float32; coefficients are worked
// out in float64 and rounded once, and elementary functions come from core/num,
// so that every machine gets the same bits.
package diffusion
