// Package rng draws random numbers by address instead of by turn. A number is a pure
// function of
//
//	seed      what the user chose
//	sample    which image of the run, counted over the whole run and not within a batch
//	stream    what the numbers are for: the initial noise, the fresh noise of a step, …
//	position  which number of that array, 0 up to 2³⁴
//
// so that image 7 is the same in a batch of 1 and of 16, on one worker and on eight,
// and whatever else was drawn before. Two draws with one address are the same numbers:
// whoever needs independent ones takes another stream.
//
// The generator is Philox 4x32-10 (Salmon et al. 2011, Parallel random numbers: as easy
// as 1, 2, 3). Block b of an array, its positions 4b to 4b+3, is the generator's four words for
//
//	counter = {b, stream, sample's low word, sample's high word}
//	key     = {seed's low word, seed's high word}
//
// Word i of a block becomes number 4b+i: as it is (Uint32s), as its upper 24 bits over
// 2²⁴ (Uniform), or with its partner, words 0 and 1 or 2 and 3, as two
// normal numbers (Normal). All of it gives the same bits on every target.
package rng
