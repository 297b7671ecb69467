// Package text turns words into the tokens of a text encoder.
//
// BPE is the tokenizer of CLIP (Radford et al. 2021, arXiv:2103.00020, section 2.4): byte-pair
// encoding (Sennrich et al. 2016, arXiv:1508.07909) of lower-case text as UTF-8 bytes. It reads
// the files vocab.json and merges.txt that its text encoders are published with.
package text
