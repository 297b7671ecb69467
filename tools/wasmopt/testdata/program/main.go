// Command program collects garbage, recovers from a panic and ends with another.
package main

import (
	"fmt"
	"runtime"
)

type node struct {
	next *node
	data [100]int
}

//go:noinline
func deep(n int) int {
	if n == 0 {
		panic("the end")
	}
	return deep(n-1) + 1
}

func recovered() (err any) {
	defer func() { err = recover() }()
	return deep(3)
}

func main() {
	var list *node
	for i := range 20_000 {
		list = &node{next: list}
		if i%1000 == 0 {
			list = nil
			runtime.GC()
		}
	}
	_, _, line, _ := runtime.Caller(0)
	fmt.Println("recovered", recovered(), "line", line)
	deep(2)
}
