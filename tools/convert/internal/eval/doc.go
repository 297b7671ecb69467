// Package eval measures how closely generated images match a data set, in the
// features of a small classifier that is trained on that data set.
//
// Published figures of this kind use a network that was trained on photographs
// (Inception-v3), whose features say little about digits or tiles. Here the
// classifier is trained on the data themselves, and every distance comes with a
// reference: the same distance for an equal number of real pictures that the
// classifier has not seen. The ratio of the two can be compared between programs;
// the distances alone depend on the classifier.
//
//	Fréchet distance   Heusel et al. 2017, arXiv:1706.08500, eq. 6
//	kernel distance    Bińkowski et al. 2018, arXiv:1801.01401, section 3
//	precision, recall  Kynkäänniemi et al. 2019, arXiv:1904.06991, section 2
//
// Pictures are bytes [N,H,W,C]; features are rows of a float64 matrix [N,Features].
// All results are determined by the data and the seeds: noise, order and draws come
// from core/rng.
package eval
