// Package autoencoder has networks that turn pictures into latents, on which a diffusion model
// can work (Rombach et al. 2022, arXiv:2112.10752), and latents into pictures.
//
// KL is the autoencoder of Kingma & Welling 2014 (Auto-encoding variational Bayes,
// arXiv:1312.6114): an encoder for the mean and the variance of q(z|x), a diagonal Gaussian, and
// a decoder for x given z. Its layers and names are those of diffusers' AutoencoderKL. VQ takes
// its latents from a code book (VQModel), and Tiny is small and fast (AutoencoderTiny).
package autoencoder
