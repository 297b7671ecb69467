// Package eval measures how near drawn images come to a data set, in features of
// a small classifier that is trained on that data set.
//
// The published figures of this kind look through a network that was trained on
// photographs (Inception-v3); for digits or tiles it sees little. Here the
// classifier learns the data itself, and every distance is given beside its floor:
// the same distance for as many real pictures that the classifier has not seen.
// The quotient of the two is what can be compared between programs; the distances
// alone depend on the classifier.
//
//	Fréchet distance   Heusel et al. 2017, arXiv:1706.08500, eq. 6
//	kernel distance    Bińkowski et al. 2018, arXiv:1801.01401, section 3
//	precision, recall  Kynkäänniemi et al. 2019, arXiv:1904.06991, section 2
//
// Pictures are bytes [N,H,W,C]; features are rows of a float64 matrix [N,Features].
// Everything is determined by the data and the seeds: noise, order and draws come
// from core/rng.
package eval
