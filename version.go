package tweedie

// Version is the release that this source belongs to, as in CHANGELOG.md: a semantic
// version, with "-dev" after it between releases.
const Version = "0.2.0-dev"
