// Package rng generates addressed random numbers: there is no state. A number is a pure
// function of
//
//	seed      the seed of the run
//	sample    the number of the image in the whole run, not in a batch
//	stream    the purpose of the numbers: the initial noise, the noise of a step, …
//	position  the index of the number in its array, below 2³⁴
//
// so image 7 is the same in a batch of 1 or of 16, on one worker or on eight, and
// whatever was drawn before. The same address always gives the same numbers; independent
// numbers need another stream.
//
// The generator is Philox 4x32-10 (Salmon et al. 2011, Parallel random numbers: as easy
// as 1, 2, 3). Block b of an array, its positions 4b to 4b+3, is the generator's four words for
//
//	counter = {b, stream, sample's low word, sample's high word}
//	key     = {seed's low word, seed's high word}
//
// Word i of a block becomes number 4b+i: unchanged (Uint32s), as its upper 24 bits divided
// by 2²⁴ (Uniform), or together with its neighbour, words 0 and 1 or 2 and 3, as two
// normal numbers (Normal). The bits are the same on every target.
package rng
