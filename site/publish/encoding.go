package publish

import (
	"regexp"
	"strconv"
	"strings"
)

// Encoding returns the content coding of an answer to a client with these Accept-Encoding
// headers: the one of offered with the largest weight, the first of several, or "" for the
// plain bytes, which go to every client that accepts nothing else: RFC 9110, section 12.5.3.
func Encoding(values []string, offered ...string) string {
	weights := map[string]float64{}
	for item := range strings.SplitSeq(strings.Join(values, ","), ",") {
		coding, parameter, weighted := strings.Cut(item, ";")
		coding = strings.ToLower(strings.TrimSpace(coding))
		if coding == "x-gzip" { // the same: section 8.4.1.3
			coding = "gzip"
		}
		weight := 1.0
		if weighted {
			weight = weightOf(strings.TrimSpace(parameter))
		}
		weights[coding] = weight
	}
	best, largest := "", 0.0
	for _, coding := range offered {
		weight, listed := weights[coding]
		if !listed {
			weight = weights["*"]
		}
		if weight > largest {
			best, largest = coding, weight
		}
	}
	if weights["identity"] > largest {
		return ""
	}
	return best
}

// weight is a weight of RFC 9110, section 12.4.2.
var weight = regexp.MustCompile(`^[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$`)

// weightOf returns a weight from 0 to 1, and 0 for one that is written wrongly.
func weightOf(parameter string) float64 {
	match := weight.FindStringSubmatch(parameter)
	if match == nil {
		return 0
	}
	v, _ := strconv.ParseFloat(match[1], 64) // the pattern makes it a number
	return v
}
