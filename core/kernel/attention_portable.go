package kernel

var (
	attentionSIMD         []impl[attentionFunc]
	attentionBackwardSIMD []impl[attentionBackwardFunc]
)
