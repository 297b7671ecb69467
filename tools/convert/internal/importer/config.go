package importer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tweedie/core/model"
	"tweedie/core/unet"
)

// config is a model's configuration and what had to be assumed for it.
type config struct {
	model.Config
	assumed []string
}

// readConfig makes a model's configuration of diffusers' files.
func readConfig(f files) (*config, error) {
	data, err := readFile(f.config, maxConfig)
	if err != nil {
		return nil, err
	}
	c := &config{}
	u, err := parseUNet(data)
	if err != nil {
		return nil, fmt.Errorf("importer: %q: %w", f.config, err)
	}
	c.UNet = &u
	var scheduler []byte
	if f.scheduler != "" {
		if scheduler, err = readFile(f.scheduler, maxConfig); err != nil {
			return nil, err
		}
	}
	p, err := parseScheduler(scheduler)
	if err != nil {
		return nil, fmt.Errorf("importer: %q: %w", f.scheduler, err)
	}
	if f.scheduler == "" {
		c.assumed = append(c.assumed, fmt.Sprintf("no %s: the network predicts ε on a linear chain of %d steps, β from %g to %g",
			schedulerName, p.schedule.Steps, p.schedule.BetaStart, p.schedule.BetaEnd))
	}
	c.Arch = model.UNet2D
	c.Prediction, c.Schedule, c.SigmaData = p.prediction, p.schedule, p.sigmaData
	c.SigmaMin, c.SigmaMax = p.sigmaMin, p.sigmaMax
	c.Shape = [3]int{c.UNet.InChannels, c.UNet.SampleSize, c.UNet.SampleSize}
	c.Defaults = model.Defaults{Sampler: "dpmpp2m", Steps: 20, Guidance: 1}
	if c.UNet.Conditional() {
		for i := range *c.UNet.NumClassEmbeds {
			c.Classes = append(c.Classes, strconv.Itoa(i))
		}
		c.assumed = append(c.assumed, "classes have no names: they are called by their numbers; none of them means \"no class\", so there is no guidance")
	}
	return c, nil
}

// unetDefaults returns the arguments of diffusers' UNet2DModel where a
// configuration leaves them out (diffusers 0.30, models/unets/unet_2d.py).
func unetDefaults() unet.Config {
	headDim := 8
	return unet.Config{
		InChannels:        3,
		OutChannels:       3,
		BlockOutChannels:  []int{224, 448, 672, 896},
		DownBlockTypes:    []string{"DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"},
		UpBlockTypes:      []string{"AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"},
		LayersPerBlock:    2,
		NormNumGroups:     32,
		NormEps:           1e-5,
		AttentionHeadDim:  &headDim,
		DownsamplePadding: 1,
		FlipSinToCos:      true,
	}
}

// foreignKeys are what a saved weight average adds to a configuration. They say
// nothing about the network.
var foreignKeys = []string{
	"decay", "inv_gamma", "min_decay", "min_value", "optimization_step", "power",
	"update_after_step", "use_ema_warmup",
}

// parseUNet reads the configuration of a UNet2DModel. A key that this program
// does not know is an error: it could change what the network computes.
func parseUNet(data []byte) (unet.Config, error) {
	c := unetDefaults()
	members, err := parseObject(data)
	if err != nil {
		return c, err
	}
	var class string
	if err := member(members, "_class_name", &class); err != nil {
		return c, err
	}
	if class != "" && class != "UNet2DModel" {
		return c, fmt.Errorf("_class_name is %q, need UNet2DModel", class)
	}
	maps.DeleteFunc(members, func(key string, _ json.RawMessage) bool {
		return strings.HasPrefix(key, "_") || slices.Contains(foreignKeys, key)
	})
	if err := squareSize(members); err != nil {
		return c, err
	}
	known, err := json.Marshal(members)
	if err != nil {
		return c, err
	}
	d := json.NewDecoder(bytes.NewReader(known))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("UNet2DModel: %w", err)
	}
	return c, c.Validate()
}

// squareSize turns a sample_size of [n,n] into n.
func squareSize(members map[string]json.RawMessage) error {
	var size []int
	if v := members["sample_size"]; len(v) == 0 || string(v) == "null" {
		return fmt.Errorf("sample_size is missing, need the height and width of the images")
	} else if json.Unmarshal(v, &size) != nil {
		return nil // a number, or what Decode refuses
	}
	if len(size) != 2 || size[0] != size[1] {
		return fmt.Errorf("sample_size is %v, need one number or two equal ones", size)
	}
	members["sample_size"] = json.RawMessage(strconv.Itoa(size[0]))
	return nil
}

// parseObject returns the members of a JSON object.
func parseObject(data []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, fmt.Errorf("is null, need a JSON object")
	}
	return members, nil
}

// member reads the member of that name into to, which keeps its value if there is
// none or null.
func member(members map[string]json.RawMessage, name string, to any) error {
	v, ok := members[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(v, to); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
