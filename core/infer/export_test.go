package infer

// ShardAll makes groups divide every operation that can be divided, whatever the cost.
func ShardAll() (restore func()) {
	workers, threads := workerCost, threadCost
	workerCost, threadCost = exchangeCost{}, exchangeCost{}
	return func() { workerCost, threadCost = workers, threads }
}
