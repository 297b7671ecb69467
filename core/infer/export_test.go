package infer

// ShareAll makes teams share whatever they can, worth it or not.
func ShareAll() (restore func()) {
	fixed, number := exchangeFixed, exchangeNumber
	exchangeFixed, exchangeNumber = 0, 0
	return func() { exchangeFixed, exchangeNumber = fixed, number }
}
