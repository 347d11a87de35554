package main

import (
	"encoding/json"
	"math/rand/v2"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	kubernetesjson "sigs.k8s.io/json"
)

type selectorCase struct {
	Selector json.RawMessage   `json:"selector"`
	Labels   map[string]string `json:"labels"`
	Valid    bool              `json:"valid"`
	Match    bool              `json:"match"`
}

func answerSelector(text string, set map[string]string) selectorCase {
	answer := selectorCase{Selector: json.RawMessage(text), Labels: set}
	var selector v1.LabelSelector
	if kubernetesjson.UnmarshalCaseSensitivePreserveInts([]byte(text), &selector) != nil {
		return answer
	}
	compiled, err := v1.LabelSelectorAsSelector(&selector)
	if err != nil {
		return answer
	}
	answer.Valid = true
	answer.Match = compiled.Matches(labels.Set(set))
	return answer
}

var knownSelectorTexts = []string{
	`{}`,
	`{"matchLabels": null, "matchExpressions": null}`,
	`{"matchLabels": {}, "matchExpressions": []}`,
	`{"matchLabels": {"app": "a"}}`,
	`{"matchLabels": {"app": ""}}`,
	`{"matchLabels": {"app": "a", "tier": "b"}}`,
	`{"matchLabels": {"example.com/app": "a"}}`,
	`{"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "a"]}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "In", "values": [""]}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "NotIn", "values": [""]}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "Exists"}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "Exists", "values": null}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "Exists", "values": []}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "DoesNotExist", "values": []}]}`,
	`{"matchLabels": {"app": "a"}, "matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "Exists"}, {"key": "app", "operator": "DoesNotExist"}]}`,
	// Invalid.
	`{"matchExpressions": [{"key": "app", "operator": "In"}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "In", "values": []}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "In", "values": null}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "NotIn"}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "NotIn", "values": []}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "Exists", "values": ["a"]}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "DoesNotExist", "values": ["a"]}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "Equals", "values": ["a"]}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "in", "values": ["a"]}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "Gt", "values": ["1"]}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "", "values": ["a"]}]}`,
	`{"matchExpressions": [{"key": "app"}]}`,
	`{"matchExpressions": [{"operator": "Exists"}]}`,
	`{"matchExpressions": [{"key": "", "operator": "Exists"}]}`,
	`{"matchExpressions": [{}]}`,
	`{"matchExpressions": [{"key": "-app", "operator": "Exists"}]}`,
	`{"matchExpressions": [{"key": "a/b/c", "operator": "Exists"}]}`,
	`{"matchExpressions": [{"key": "/b", "operator": "Exists"}]}`,
	`{"matchExpressions": [{"key": "Example.com/b", "operator": "Exists"}]}`,
	`{"matchExpressions": [{"key": "a b", "operator": "Exists"}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "In", "values": ["a b"]}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "In", "values": ["-a"]}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", 1]}]}`,
	`{"matchExpressions": [{"key": "app", "operator": "In", "values": "a"}]}`,
	`{"matchExpressions": {"key": "app", "operator": "Exists"}}`,
	`{"matchLabels": {"app": 1}}`,
	`{"matchLabels": {"app": "a_"}}`,
	`{"matchLabels": {"": "a"}}`,
	`{"matchLabels": ["app"]}`,
	`{"matchLabels": {"` + strings.Repeat("k", 63) + `": "a"}}`,
	`{"matchLabels": {"` + strings.Repeat("k", 64) + `": "a"}}`,
	`{"matchLabels": {"app": "` + strings.Repeat("v", 63) + `"}}`,
	`{"matchLabels": {"app": "` + strings.Repeat("v", 64) + `"}}`,
}

// Each known selector, with labels that it may and may not match.
func knownSelectors() []any {
	sets := []map[string]string{
		{}, {"app": "a"}, {"app": ""}, {"app": "b", "tier": "b"}, {"app": "a", "tier": "b"}, {"tier": "a"},
		{"example.com/app": "a"},
	}
	var cases []any
	for _, text := range knownSelectorTexts {
		for _, set := range sets {
			cases = append(cases, answerSelector(text, set))
		}
	}
	return cases
}

var (
	keys      = []string{"app", "tier", "example.com/role", "A.b-c_d", "app.kubernetes.io/name", "9"}
	badKeys   = []string{"", "-app", "app-", "a b", "a/b/c", "/a", "a/", "ex_ample.com/a", "EXAMPLE.com/a", "ä"}
	values    = []string{"a", "b", "c", "", "A", "1", "true", "v1.2_3-x"}
	badValues = []string{"-a", "a-", "a b", "a/b", "ä", "a\n", " "}
	operators = []v1.LabelSelectorOperator{
		v1.LabelSelectorOpIn, v1.LabelSelectorOpNotIn, v1.LabelSelectorOpExists, v1.LabelSelectorOpDoesNotExist,
	}
)

// Now and then one of the bad list.
func mostly(random *rand.Rand, good, bad []string) string {
	if chance(random, 2) {
		return pick(random, bad)
	}
	return pick(random, good)
}

func randomValues(random *rand.Rand, operator v1.LabelSelectorOperator) []string {
	wanted := operator == v1.LabelSelectorOpIn || operator == v1.LabelSelectorOpNotIn
	if chance(random, 4) {
		wanted = !wanted
	}
	if !wanted {
		return pick(random, [][]string{nil, {}})
	}
	var list []string
	for range 1 + random.IntN(3) {
		list = append(list, mostly(random, values, badValues))
	}
	return list
}

func randomExpression(random *rand.Rand) v1.LabelSelectorRequirement {
	operator := pick(random, operators)
	if chance(random, 2) {
		operator = pick(random, []v1.LabelSelectorOperator{"", "in", "Equals", "Gt", "EXISTS"})
	}
	key := mostly(random, keys, badKeys)
	return v1.LabelSelectorRequirement{Key: key, Operator: operator, Values: randomValues(random, operator)}
}

func randomLabels(random *rand.Rand, most, badPercent int) map[string]string {
	set := map[string]string{}
	for range random.IntN(most + 1) {
		key, value := pick(random, keys), pick(random, values)
		if chance(random, badPercent) {
			key = pick(random, badKeys)
		}
		if chance(random, badPercent) {
			value = pick(random, badValues)
		}
		set[key] = value
	}
	return set
}

func randomSelector(random *rand.Rand) any {
	var selector v1.LabelSelector
	if chance(random, 60) {
		selector.MatchLabels = randomLabels(random, 2, 2)
	}
	for range random.IntN(4) {
		selector.MatchExpressions = append(selector.MatchExpressions, randomExpression(random))
	}
	text, err := json.Marshal(selector)
	if err != nil {
		panic(err)
	}
	return answerSelector(string(text), randomLabels(random, 5, 0))
}
