package importer

import (
	"fmt"
	"strings"

	"tweedie/weights/lazytensor"
)

// otherKinds are networks that this program does not read, by a part of the name of a tensor.
var otherKinds = []struct{ part, what string }{
	{"model.diffusion_model.", "a checkpoint of Stable Diffusion, which draws latents under text"},
	{"first_stage_model.", "a checkpoint of latent diffusion, which draws latents of an autoencoder"},
	{"lora_unet_", "a LoRA, changes to the weights of another network"},
	{"lora_A.weight", "a LoRA, changes to the weights of another network"},
	{"lora_down.weight", "a LoRA, changes to the weights of another network"},
	{"lora.down.weight", "a LoRA, changes to the weights of another network"},
	{"controlnet_cond_embedding.", "a ControlNet, a condition of another network"},
	{"double_blocks.0.img_attn.", "a transformer of the Flux family"},
	{"joint_transformer_blocks.", "a transformer of Stable Diffusion 3"},
	{"pos_embed.proj.weight", "a diffusion transformer (DiT)"},
	{"adaLN_modulation.", "a diffusion transformer (DiT)"},
	{"attn1.to_q.weight", "a U-Net with a text condition, as in Stable Diffusion"},
	{"text_model.embeddings.", "a text encoder of CLIP"},
	{"shared.weight", "a text encoder of T5"},
	{"decoder.mid_block.", "an autoencoder, which maps images to latents and back"},
	{"quantize.embedding.weight", "an autoencoder with a code book (VQ)"},
}

// otherKind names a network that this program does not read, "" if it does not know the kind.
func otherKind(tensors []lazytensor.Tensor) string {
	for _, kind := range otherKinds {
		for i := range tensors {
			if strings.Contains(tensors[i].Name, kind.part) {
				return kind.what
			}
		}
	}
	return ""
}

// exportAdvice is how any network of PyTorch becomes a file that tweedie convert reads.
const exportAdvice = `torch.onnx.export(model, (x, t), "model.onnx", input_names=["x", "t"], opset_version=17, dynamic_axes={"x": {0: "n"}, "t": {0: "n"}})`

// unknown returns the error for tensors of no supported network.
func unknown(tensors []lazytensor.Tensor) error {
	what := "do not match a supported network"
	if kind := otherKind(tensors); kind != "" {
		what = "are " + kind + ", which is not supported"
	}
	return fmt.Errorf("its %d tensors%s %s: supported are the networks %s, and any network that denoises images as ONNX: %s (see docs/importing.md)",
		len(tensors), firstNames(tensors), what, strings.Join(Families(), ", "), exportAdvice)
}
