// Package importer converts checkpoints of other programs to models.
//
// A checkpoint is a file that package checkpoint reads, or a folder: one that diffusers saved,
// with config.json and scheduler_config.json, alone or as the "unet" of a pipeline, or one with
// a single file of weights. The kind of network (Families) is recognized by names of parameters
// that no other kind has, and the rest of its structure by the shapes of other parameters. If
// the checkpoint has an average of the weights (EMA), it is used in place of the weights.
//
// Every family except NCSN, NCSNv2 and lucidrains' is expressed with the one U-Net of
// core/unet: a plan gives its configuration and, for each of its parameters, the tensors that
// it is computed from. lucidrains' networks and NCSNv2 become programs in the model's file. A
// folder that this program exported contains its own configuration. The weights are read one by
// one when the model is written.
//
// Nothing is guessed silently: every parameter must be present in the shape that the network
// needs, no tensor may be left over, and a setting that is not supported is an error. What the
// files do not specify must be given as a hint or is listed in Checkpoint.Assumed.
package importer
