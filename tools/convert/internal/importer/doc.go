// Package importer turns checkpoints of other programs into models.
//
// It reads what diffusers writes for a UNet2DModel: config.json and
// diffusion_pytorch_model.safetensors, alone in a folder or as the "unet" of a
// pipeline, with scheduler_config.json where there is one; or one .safetensors
// file with its configuration beside it. Parameters that older diffusers wrote
// with the attention names query, key, value and proj_attn are understood.
//
// Nothing is guessed in silence: every parameter must be there in the shape that
// the configuration asks for, none may be left over, a setting that is not built
// here is an error, and what the files leave open is listed in Checkpoint.Assumed.
package importer
