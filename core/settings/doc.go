// Package settings describes the settings of a request once, for all that offer,
// read or document them: the command line's flags, the HTTP API's query, the page's
// fields, the JavaScript module's types and the reference in docs/.
//
// A Setting is plain data. A Value is a setting together with the variable that holds
// it: it is set from the text of a query or a flag, or from JSON, and is checked when
// it is set. What cannot be used is a *FieldError.
package settings
