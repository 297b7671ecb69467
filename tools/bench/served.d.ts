// The scripts that others wrote and the rig serves: onnxruntime-web and Go's.
export const env: any, InferenceSession: any, Tensor: any
