package publish

import "testing"

func TestEncoding(t *testing.T) {
	for header, want := range map[string]string{
		"":                                "",
		"br":                              "br",
		"gzip":                            "gzip",
		"x-gzip":                          "gzip",
		"deflate":                         "",
		"gzip, deflate, br, zstd":         "br",
		"gzip;q=1.0, br;q=0.5":            "gzip",
		"gzip;q=0.5, br;q=0.500":          "br",
		"BR;Q=1.000":                      "br",
		"br ; q=0.1":                      "br",
		"br;q=0":                          "",
		"br;q=0.000, gzip":                "gzip",
		"br;q=0, gzip;q=0":                "",
		"*":                               "br",
		"*;q=0":                           "",
		"gzip, *;q=0.1":                   "gzip",
		"br;q=0, *":                       "gzip",
		"br;q=0.001":                      "br",
		"identity":                        "",
		"identity, br;q=0.9":              "",
		"identity;q=0.5, br;q=0.9":        "br",
		"identity;q=0.5, gzip;q=0.5":      "gzip",
		"identity;q=0":                    "",
		"identity;q=0, gzip;q=0.2, *;q=0": "gzip",
		"brotli":                          "",
		"br;q=x":                          "",
		"br;q=2":                          "",
		"br;q=-1, gzip":                   "gzip",
		"br;q=NaN":                        "",
		"br;q=1.001":                      "",
		"br;q=0.0001":                     "",
		"br;q":                            "",
		"br;level=4":                      "",
		",, ,gzip,":                       "gzip",
	} {
		if got := Encoding([]string{header}, "br", "gzip"); got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
	if got := Encoding([]string{"deflate", "gzip"}, "br", "gzip"); got != "gzip" {
		t.Errorf("two headers: got %q, want gzip", got)
	}
	if got := Encoding(nil, "br", "gzip"); got != "" {
		t.Errorf("no header: got %q, want the plain bytes", got)
	}
	if got := Encoding([]string{"br, gzip;q=0.1"}, "gzip"); got != "gzip" {
		t.Errorf("without brotli: got %q, want gzip", got)
	}
}
