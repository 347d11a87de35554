package main

import (
	"math/rand/v2"
	"strings"
)

// One of the list, each as likely as the others.
func pick[T any](random *rand.Rand, list []T) T {
	return list[random.IntN(len(list))]
}

// True in `percent` of 100 cases.
func chance(random *rand.Rand, percent int) bool {
	return random.IntN(100) < percent
}

// Between `least` and `most` characters of the alphabet.
func letters(random *rand.Rand, alphabet string, least, most int) string {
	var text strings.Builder
	for range least + random.IntN(most-least+1) {
		text.WriteByte(alphabet[random.IntN(len(alphabet))])
	}
	return text.String()
}
