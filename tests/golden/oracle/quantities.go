package main

import (
	"math"
	"math/big"
	"math/rand/v2"
	"regexp"

	"gopkg.in/inf.v0"
	"k8s.io/apimachinery/pkg/api/resource"
)

type quantityCase struct {
	Text  string `json:"text"`
	Valid bool   `json:"valid"`
	Nano  string `json:"nano,omitempty"` // the value in units of 1e-9
	Huge  bool   `json:"huge,omitempty"` // beyond 2^63-1 units, where Kubernetes promises nothing
}

var largest = new(big.Int).Mul(big.NewInt(math.MaxInt64), big.NewInt(1e9))

// The exact value in units of 1e-9. Kubernetes has rounded finer ones already.
func nano(quantity resource.Quantity) *big.Int {
	return new(inf.Dec).Round(quantity.AsDec(), 9, inf.RoundUp).UnscaledBig()
}

func answerQuantity(text string) quantityCase {
	quantity, err := resource.ParseQuantity(text)
	if err != nil {
		return quantityCase{Text: text}
	}
	value := nano(quantity)
	huge := new(big.Int).Abs(value).Cmp(largest) > 0
	return quantityCase{Text: text, Valid: true, Nano: value.String(), Huge: huge}
}

func knownQuantities() []any {
	var cases []any
	for _, text := range quantityTexts {
		cases = append(cases, answerQuantity(text))
	}
	return cases
}

// No exponents of more than three digits: Kubernetes computes such powers of ten, which takes it minutes.
var quantityTexts = []string{
	// As people write them.
	"0", "1", "-1", "+1", "00", "007", "1.5", "1.50", "0.1", ".5", "5.", "100m", "0.5Gi", "1.5Gi", "1Ki", "64Mi", "1e3",
	"1E3", "1e-3", "1.5e3", "12e6", "1n", "1u", "1m", "1k", "1M", "1G", "1T", "1P", "1E", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
	"0.000000001", "128974848", "129e6", "129M", "123Mi", "2.5Ti", "0.001Ki",
	// Rounded up, away from zero, below 1e-9.
	"0.0000000001", "-0.0000000001", "0.1n", "0.9n", "1.1n", "-1.1n", "1e-10", "1.0000000001", "0.0000000000000000001",
	"0.0001Ki", "0.0000000001Ki", "0.00000000099Ki", "1.0000000001Gi", "1e-300", "0e-300", "0.0n", "-0", "-0.0",
	// The ends of 64 bits.
	"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "9223372036854775806.5",
	"9223372036854775807.000000001", "9.223372036854775807E", "9223372036854775807n", "7Ei", "7.9Ei", "8Ei", "-8Ei", "9Ei",
	"8191Pi", "8192Pi", "8388607Ti", "8388608Ti", "9007199254740993", "9007199254740993Ki", "9007199254740991Ki",
	"18446744073709551615", "18446744073709551616", "99999999999999999999", "1e18", "9e18", "1e19", "-1e19", "1e27", "1e28",
	"1e100", "-1e100", "1e999", "1000E",
	// Odd, and valid all the same.
	".", "+", "-", "+.", "-.", "k", "Ki", "m", "e3", "1.k", "1.Ki", ".5Ki", "+.5e1", "0e0", "0Ei", "00.00k", "1e+3", "1e-0",
	"1E+3", "1E-3", "1e03", "1e003", "1E0",
	// No quantities.
	"", " ", " 1", "1 ", "1 k", "x", "abc", "1x", "1K", "1ki", "1KI", "1mi", "1ni", "1ui", "1ei", "1i", "1g", "1p", "1t", "1kk",
	"1Kii", "1iK", "1MiB", "1GB", "1e", "1e+", "1e-", "1e1.5", "1e1e1", "1ee1", "1Ee1", "1E3i", "1k3", "1Ki3", "1m-3", "1-", "1+",
	"--1", "++1", "+-1", "1,000", "1_000", "1..5", "1.5.5", "..", "0x10", "0x", "Inf", "NaN", "inf", "null", "true", "1\n", "\t1",
	"1e99999999999999999999", "1e-99999999999999999999", "½", "１", "1µ", "1\u00a0", "1%", "$1", "e", "E", "i", "1e3k", "1ke3",
}

const digits = "0123456789"

var suffixes = []string{"", "", "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"}

func randomExponent(random *rand.Rand) string {
	return pick(random, []string{"e", "E"}) + pick(random, []string{"", "", "+", "-"}) + letters(random, digits, 1, 1) +
		letters(random, "012", 0, 1)
}

// By the grammar: sign, digits with a point or not, suffix or exponent. Mostly short, sometimes very long.
func quantityText(random *rand.Rand) string {
	most := pick(random, []int{2, 4, 6, 10, 19, 30})
	text := pick(random, []string{"", "", "", "", "-", "+"}) + letters(random, digits, 0, most)
	if chance(random, 50) {
		text += "." + letters(random, digits, 0, most)
	}
	if chance(random, 25) {
		return text + randomExponent(random)
	}
	return text + pick(random, suffixes)
}

// Changes, removes or inserts one character: most often no quantity any more.
func spoil(random *rand.Rand, text string) string {
	junk := letters(random, "0123456789.+-eEinumkKMGTP xX,_%", 0, 2)
	at := random.IntN(len(text) + 1)
	end := min(len(text), at+random.IntN(2))
	return text[:at] + junk + text[end:]
}

var longExponent = regexp.MustCompile(`[eE][-+]?[0-9]{4}`)

func randomQuantity(random *rand.Rand) any {
	text := quantityText(random)
	if chance(random, 20) {
		text = spoil(random, text)
	}
	if longExponent.MatchString(text) {
		return randomQuantity(random)
	}
	return answerQuantity(text)
}
