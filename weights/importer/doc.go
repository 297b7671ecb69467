// Package importer turns checkpoints of other programs into models.
//
// A checkpoint is a file of package checkpoint, or a folder: of diffusers, with
// config.json and scheduler_config.json, alone or as the "unet" of a pipeline, or with
// one file of weights. What network it holds is told by names of parameters that are in
// no other (Families), and everything else of its structure by the shapes of further
// ones. An average of the weights (EMA) is looked for and comes before the weights.
//
// Every family but NCSN and lucidrains' is written in terms of the one U-Net of
// core/unet: a plan gives its configuration, and for each of its parameters the tensors
// that it is made of. lucidrains' networks and NCSNv2 are programs in the model's file.
// What this program exported has its own configuration beside it. The weights themselves
// are read one by one when the model is written.
//
// Nothing is guessed in silence: every parameter must be there in the shape that the
// network asks for, none may be left over, a setting that is not built here is an
// error, and what the files leave open is asked for or listed in Checkpoint.Assumed.
package importer
