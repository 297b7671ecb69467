// Third-party scripts that the benchmark serves: onnxruntime-web and Go's.
export const env: any, InferenceSession: any, Tensor: any
