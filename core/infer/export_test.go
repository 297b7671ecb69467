package infer

// ShareAll makes teams share whatever they can, worth it or not.
func ShareAll() (restore func()) {
	workers, threads := workersPrice, threadsPrice
	workersPrice, threadsPrice = price{}, price{}
	return func() { workersPrice, threadsPrice = workers, threads }
}
