package kernel

// SpaceToDepth2 moves blocks of 2×2 pixels into the channels: x [h,w,c] becomes
// y [h/2,w/2,4c], the new channels in the order (row, column, channel) of the
// block. It panics unless h and w are even and the lengths match.
func SpaceToDepth2(y, x []float32, h, w, c int) {
	checkBlocks(x, y, h, w, c)
	for i := range h {
		for j := 0; j < w; j += 2 {
			at := blockAt(i, j, w, c)
			copy(y[at:at+2*c], x[(i*w+j)*c:])
		}
	}
}

// DepthToSpace2 is the inverse of SpaceToDepth2: x [h/2,w/2,4c] becomes y [h,w,c]. h, w
// and c are those of y, the larger image, as in SpaceToDepth2. It panics unless h and w
// are even and the lengths match.
func DepthToSpace2(y, x []float32, h, w, c int) {
	checkBlocks(y, x, h, w, c)
	for i := range h {
		for j := 0; j < w; j += 2 {
			at := blockAt(i, j, w, c)
			copy(y[(i*w+j)*c:(i*w+j+2)*c], x[at:])
		}
	}
}

// SpaceToDepth2Backward adds to dx [h,w,c] the gradient dy [h/2,w/2,4c] of
// SpaceToDepth2. It panics unless h and w are even and the lengths match.
func SpaceToDepth2Backward(dx, dy []float32, h, w, c int) {
	checkBlocks(dx, dy, h, w, c)
	for i := range h {
		for j := 0; j < w; j += 2 {
			at := blockAt(i, j, w, c)
			d := dx[(i*w+j)*c : (i*w+j+2)*c]
			addFast(d, d, dy[at:at+2*c])
		}
	}
}

// DepthToSpace2Backward adds to dx [h/2,w/2,4c] the gradient dy [h,w,c] of
// DepthToSpace2. It panics unless h and w are even and the lengths match.
func DepthToSpace2Backward(dx, dy []float32, h, w, c int) {
	checkBlocks(dy, dx, h, w, c)
	for i := range h {
		for j := 0; j < w; j += 2 {
			at := blockAt(i, j, w, c)
			d := dx[at : at+2*c]
			addFast(d, d, dy[(i*w+j)*c:(i*w+j+2)*c])
		}
	}
}

// blockAt returns the index of pixels (i,j) and (i,j+1) of the larger image in the smaller
// one; j is even. w and c are those of the larger image.
func blockAt(i, j, w, c int) int {
	return ((i/2)*(w/2)+j/2)*4*c + i%2*2*c
}

func checkBlocks(pixels, blocks []float32, h, w, c int) {
	if h < 0 || w < 0 || c < 0 || h%2 != 0 || w%2 != 0 {
		panic("kernel: SpaceToDepth2: height and width must be even")
	}
	if len(pixels) != h*w*c || len(blocks) != len(pixels) {
		panic("kernel: SpaceToDepth2: lengths must match the shape")
	}
}
