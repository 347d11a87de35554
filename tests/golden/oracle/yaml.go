package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	goyaml "go.yaml.in/yaml/v2"
	"sigs.k8s.io/yaml"
)

type yamlCase struct {
	YAML      string          `json:"yaml"`
	Valid     bool            `json:"valid"`
	JSON      json.RawMessage `json:"json,omitempty"`
	Duplicate bool            `json:"duplicate,omitempty"` // a mapping has a key twice: valid, and still to be refused
	Fraction  bool            `json:"fraction,omitempty"`  // so has one with a key that is a floating point number
}

func answerYAML(text string) yamlCase {
	value, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return yamlCase{YAML: text}
	}
	return yamlCase{YAML: text, Valid: true, JSON: value, Fraction: hasFraction(text)}
}

var unclear = regexp.MustCompile(`:[]},]|![^ \n]*[][{},]|[[{]!|!!timestamp`)

func floatKeys(value any) bool {
	switch value := value.(type) {
	case map[any]any:
		for key, member := range value {
			if _, isFloat := key.(float64); isFloat || floatKeys(key) || floatKeys(member) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(value, floatKeys)
	}
	return false
}

func hasFraction(text string) bool {
	var value any
	return goyaml.Unmarshal([]byte(text), &value) == nil && floatKeys(value)
}

// False where kubectl's parser and the standard go apart, and ours goes with the standard: text behind the end of the
// first document, which kubectl does not look at, the escape "\/" and surrogate pairs, which it refuses, and in flow
// style a colon in front of the indicator that ends a plain scalar, and tags that touch an indicator.
func standard(text string) bool {
	if !utf8.ValidString(text) || strings.Contains(text, `\/`) || strings.Contains(text, `\ud83d`) || strings.HasPrefix(text, "%YAML 1.2") ||
		unclear.MatchString(text) {
		return false
	}
	decoder := goyaml.NewDecoder(strings.NewReader(text))
	for first := true; ; first = false {
		var value any
		if err := decoder.Decode(&value); err != nil {
			return first || errors.Is(err, io.EOF)
		}
	}
}

// False also for values that a JSON library without arbitrary precision cannot read back.
func comparable(answer yamlCase) bool {
	if !standard(answer.YAML) {
		return false
	}
	if !answer.Valid {
		return true
	}
	decoder := json.NewDecoder(bytes.NewReader(answer.JSON))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			return true
		}
		number, isNumber := token.(json.Number)
		if isNumber && !strings.ContainsAny(number.String(), ".eE") {
			if _, err := strconv.ParseInt(number.String(), 10, 64); err != nil {
				return false
			}
		}
		if text, isText := token.(string); isText && strings.Contains(text, "\x00") {
			return false
		}
	}
}

// Where a scalar can stand.
var contexts = []string{
	"%s\n", "k: %s\n", "- %s\n", "[%s]\n", "{k: %s}\n", "%s: v\n", "{%s: v}\n", "k:\n- %s # why\n", "k: !!str %s\n",
	"k: '%s'\n", "k: \"%s\"\n", "k: &a %s\nl: *a\n", "? %s\n: v\n", "k: >-\n  %s\n", "%s",
}

func knownYAML() []any {
	var cases []any
	add := func(text string, duplicate bool) {
		answer := answerYAML(text)
		answer.Duplicate = duplicate
		if comparable(answer) {
			cases = append(cases, answer)
		}
	}
	for _, scalar := range scalars {
		for _, context := range contexts {
			add(strings.ReplaceAll(context, "%s", scalar), false)
		}
	}
	for _, text := range documents {
		add(text, false)
	}
	for _, text := range duplicates {
		add(text, true)
	}
	return cases
}

// A number in one of the forms of YAML 1.1 or 1.2, or nearly.
func numberText(random *rand.Rand) string {
	sign := pick(random, []string{"", "", "", "-", "+"})
	switch random.IntN(6) {
	case 0:
		return sign + pick(random, []string{"0x", "0X", "0b", "0o", "0"}) + letters(random, "01234567_aF", 1, 6)
	case 1:
		return sign + letters(random, "0123456789_", 1, 8)
	case 2:
		return sign + letters(random, "0123456789", 0, 5) + "." + letters(random, "0123456789_", 0, 5)
	case 3:
		return sign + letters(random, "0123456789", 1, 3) + "." + letters(random, "0123456789", 0, 3) +
			pick(random, []string{"e", "E"}) + pick(random, []string{"", "+", "-"}) + letters(random, "0123456789", 1, 2)
	case 4:
		return sign + letters(random, "0123456789", 1, 3) + pick(random, []string{"e", "E"}) +
			pick(random, []string{"", "+", "-"}) + letters(random, "0123456789", 0, 2)
	default:
		return sign + letters(random, "0123456789:.-eE_x", 1, 8)
	}
}

func scalarText(random *rand.Rand) string {
	switch random.IntN(5) {
	case 0:
		return numberText(random)
	case 1:
		return `"` + letters(random, "abc 123:#,{}[]'&*!|>%@-?~", 0, 8) + `"`
	case 2:
		return `'` + letters(random, "abc 123:#,{}[]\"\\&*!|>%@-?~", 0, 8) + `'`
	case 3:
		return letters(random, "abz", 1, 1) + letters(random, "abz019._/-", 0, 8)
	default:
		return pick(random, scalars)
	}
}

// Block style below `indent` spaces, or flow style; ends with a newline.
func nodeText(random *rand.Rand, indent, depth int) string {
	choice := random.IntN(10)
	if depth == 0 || choice < 4 {
		return " " + scalarText(random) + pick(random, []string{"", "", "", " # why", "  "}) + "\n"
	}
	switch {
	case choice < 6:
		return mappingText(random, indent, depth)
	case choice < 8:
		return sequenceText(random, indent, depth)
	case choice < 9:
		return " " + flowText(random, depth) + "\n"
	default:
		return blockScalarText(random, indent)
	}
}

func mappingText(random *rand.Rand, indent, depth int) string {
	text := pick(random, []string{"\n", "\n", "\n", " # a mapping\n", " !!map\n"})
	deeper := indent + 1 + random.IntN(3)
	for i := range 1 + random.IntN(3) {
		key := "k" + strconv.Itoa(i)
		if chance(random, 20) {
			key = scalarText(random)
		}
		text += strings.Repeat(" ", deeper) + key + ":" + nodeText(random, deeper, depth-1)
	}
	return text
}

func sequenceText(random *rand.Rand, indent, depth int) string {
	text := "\n"
	deeper := indent + random.IntN(3)
	for range 1 + random.IntN(3) {
		text += strings.Repeat(" ", deeper) + "-" + nodeText(random, deeper+1, depth-1)
	}
	return text
}

func flowText(random *rand.Rand, depth int) string {
	var items []string
	mapping := chance(random, 50)
	for i := range random.IntN(4) {
		item := scalarText(random)
		if depth > 1 && chance(random, 30) {
			item = flowText(random, depth-1)
		}
		if mapping {
			item = "f" + strconv.Itoa(i) + ": " + item
		}
		items = append(items, item)
	}
	if mapping {
		return "{" + strings.Join(items, ", ") + "}"
	}
	return "[" + strings.Join(items, ",") + pick(random, []string{"", "", ","}) + "]"
}

func blockScalarText(random *rand.Rand, indent int) string {
	text := pick(random, []string{" |", " >", " |-", " >-", " |+", " >+"}) + "\n"
	for range random.IntN(5) {
		line := letters(random, "ab :#-'\"", 0, 6)
		if strings.TrimSpace(line) == "" {
			text += "\n"
			continue
		}
		text += strings.Repeat(" ", indent+2) + line + "\n"
	}
	return text
}

// Most are well formed; one in ten has a character changed.
func randomYAML(random *rand.Rand) any {
	for {
		text := strings.TrimLeft(nodeText(random, 0, 4), " ")
		if chance(random, 10) {
			at := random.IntN(len(text))
			text = text[:at] + letters(random, " \n:-#'\"[]{}&*!|>,a\t", 0, 1) + text[at+1:]
		}
		if answer := answerYAML(text); comparable(answer) && !hasDuplicates(text) {
			return answer
		}
	}
}

// Random text is left out where a key comes twice: what is right then is said by the known cases.
func hasDuplicates(text string) bool {
	_, err := yaml.YAMLToJSONStrict([]byte(text))
	return err != nil && strings.Contains(err.Error(), "already set in map")
}
