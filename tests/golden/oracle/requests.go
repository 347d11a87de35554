package main

import (
	"encoding/json"
	"math/rand/v2"
	"strings"

	"k8s.io/api/core/v1"
	"k8s.io/component-helpers/resource"
	defaults "k8s.io/kubernetes/pkg/apis/core/v1"
	kubernetesjson "sigs.k8s.io/json"
)

type requestsCase struct {
	Pod      json.RawMessage   `json:"pod"`
	Valid    bool              `json:"valid"`
	Requests map[string]string `json:"requests,omitempty"` // in units of 1e-9
}

// What the scheduler's fit plugin asks for: the pod as the API server has stored it, defaults and all.
func answerRequests(text string) requestsCase {
	answer := requestsCase{Pod: json.RawMessage(text)}
	var pod v1.Pod
	if kubernetesjson.UnmarshalCaseSensitivePreserveInts([]byte(text), &pod) != nil {
		return answer
	}
	defaults.SetObjectDefaults_Pod(&pod)
	answer.Valid = true
	answer.Requests = map[string]string{}
	for name, quantity := range resource.PodRequests(&pod, resource.PodResourcesOptions{}) {
		answer.Requests[string(name)] = nano(quantity).String()
	}
	return answer
}

var knownPods = []string{
	`{"spec": {}}`,
	`{"spec": {"containers": []}}`,
	`{"spec": {"containers": [{}]}}`,
	`{"spec": {"containers": [{"resources": {}}]}}`,
	`{"spec": {"containers": [{"resources": {"limits": null, "requests": null}}], "initContainers": null}}`,
	`{"spec": {"containers": [{"resources": {"limits": {"nvidia.com/gpu": "1"}}}]}}`,
	`{"spec": {"containers": [{"resources": {"limits": {"nvidia.com/gpu": 1}}}]}}`,
	`{"spec": {"containers": [{"resources": {"requests": {"cpu": 0.5, "memory": 1.5}}}]}}`,
	`{"spec": {"containers": [{"resources": {"requests": {"cpu": 0.1}}}]}}`,
	`{"spec": {"containers": [{"resources": {"requests": {"cpu": 1e3}}}]}}`,
	`{"spec": {"containers": [{"resources": {"requests": {"cpu": null}}}]}}`,
	`{"spec": {"containers": [{"resources": {"requests": {"cpu": " 1 "}}}]}}`,
	`{"spec": {"containers": [{"resources": {"requests": {"cpu": "x"}}}]}}`,
	`{"spec": {"containers": [{"resources": {"requests": {"cpu": true}}}]}}`,
	`{"spec": {"containers": [{"resources": {"requests": {"cpu": ["1"]}}}]}}`,
	`{"spec": {"containers": [{"resources": {"requests": ["cpu"]}}]}}`,
	`{"spec": {"containers": [{"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": "1Gi"}}}]}}`,
	// Requests finer than 1m are stored as 1m.
	`{"spec": {"containers": [{"resources": {"requests": {"cpu": "100u"}}}, {"resources": {"limits": {"cpu": "1.1m"}}}]}}`,
	`{"spec": {"containers": [{}], "overhead": {"cpu": "250m", "memory": "120Mi"}}}`,
	// Init containers run one after the other, before the others.
	`{"spec": {"initContainers": [{"resources": {"requests": {"nvidia.com/gpu": "4"}}},
		{"resources": {"requests": {"nvidia.com/gpu": "2", "cpu": "3"}}}],
		"containers": [{"resources": {"requests": {"nvidia.com/gpu": "1"}}},
		{"resources": {"requests": {"nvidia.com/gpu": "1", "cpu": "1"}}}]}}`,
	// A sidecar runs beside those that come after it.
	`{"spec": {"initContainers": [{"resources": {"requests": {"nvidia.com/gpu": "3"}}},
		{"restartPolicy": "Always", "resources": {"requests": {"nvidia.com/gpu": "1"}}},
		{"resources": {"requests": {"nvidia.com/gpu": "3"}}}],
		"containers": [{"resources": {"requests": {"nvidia.com/gpu": "2"}}}]}}`,
	`{"spec": {"initContainers": [{"restartPolicy": "Never", "resources": {"requests": {"cpu": "3"}}},
		{"restartPolicy": "OnFailure", "resources": {"requests": {"cpu": "4"}}}],
		"containers": [{"resources": {"requests": {"cpu": "2"}}}]}}`,
	// What the pod as a whole asks for wins, for some resources.
	`{"spec": {"resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
		"containers": [{"resources": {"requests": {"cpu": "2", "nvidia.com/gpu": "1"}}}], "overhead": {"cpu": "1"}}}`,
	`{"spec": {"resources": {"limits": {"cpu": "4", "memory": "8Gi"}},
		"containers": [{"resources": {"requests": {"cpu": "2"}}}, {"resources": {"limits": {"cpu": "1"}}}]}}`,
	`{"spec": {"resources": {"limits": {"cpu": "4"}, "requests": {"memory": "1Gi"}}, "containers": [{}]}}`,
	`{"spec": {"resources": {"requests": {"nvidia.com/gpu": "8"}},
		"containers": [{"resources": {"requests": {"nvidia.com/gpu": "1"}}}]}}`,
	`{"spec": {"resources": {"limits": {"hugepages-2Mi": "8Mi"}},
		"containers": [{"resources": {"limits": {"hugepages-2Mi": "4Mi"}}}]}}`,
	`{"spec": {"resources": {"requests": {"cpu": "1"}},
		"containers": [{"resources": {"limits": {"hugepages-2Mi": "4Mi", "cpu": "2"}}}]}}`,
	`{"spec": {"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}},
		"initContainers": [{"resources": {"limits": {"hugepages-1Gi": "2Gi"}}}],
		"containers": [{"resources": {"limits": {"hugepages-1Gi": "1Gi"}}}]}}`,
	`{"spec": {"resources": {}, "containers": [{"resources": {"requests": {"cpu": "2"}}}]}}`,
}

func knownRequests() []any {
	var cases []any
	for _, text := range knownPods {
		cases = append(cases, answerRequests(text))
	}
	return cases
}

type object = map[string]any

// Resources, with quantities as people write them.
var resourceQuantities = map[string][]any{
	"cpu":                    {"1", "500m", "2", "0.25", "1.5", "100m", 3, "0", "1e1"},
	"memory":                 {"1Gi", "512Mi", "1.5Gi", "1G", "100M", "128974848", "1e9", "0", 1024},
	"nvidia.com/gpu":         {"1", "2", "8", 1, 4, "0"},
	"alibabacloud.com/ppu":   {"1", "16"},
	"hugepages-2Mi":          {"2Mi", "64Mi"},
	"hugepages-1Gi":          {"1Gi", "4Gi"},
	"ephemeral-storage":      {"1Gi", "20Gi", "500M"},
	"example.com/half-units": {"500m", "1.5"},
}

var resourceNames = []string{
	"cpu", "cpu", "memory", "memory", "nvidia.com/gpu", "nvidia.com/gpu", "alibabacloud.com/ppu", "hugepages-2Mi",
	"hugepages-1Gi", "ephemeral-storage", "example.com/half-units",
}

func randomResourceList(random *rand.Rand) object {
	list := object{}
	for range random.IntN(4) {
		name := pick(random, resourceNames)
		list[name] = pick(random, resourceQuantities[name])
	}
	return list
}

func randomResources(random *rand.Rand) object {
	resources := object{}
	limits, requests := randomResourceList(random), randomResourceList(random)
	// Validation wants as much of a huge page size requested as limited.
	for name := range requests {
		if strings.HasPrefix(name, v1.ResourceHugePagesPrefix) {
			limits[name] = requests[name]
		}
	}
	for name := range limits {
		if strings.HasPrefix(name, v1.ResourceHugePagesPrefix) {
			requests[name] = limits[name]
		}
	}
	if chance(random, 60) {
		resources["limits"] = limits
	}
	if chance(random, 60) && (resources["limits"] != nil || !hasHugePages(requests)) {
		resources["requests"] = requests
	}
	return resources
}

func hasHugePages(list object) bool {
	for name := range list {
		if strings.HasPrefix(name, v1.ResourceHugePagesPrefix) {
			return true
		}
	}
	return false
}

func randomContainers(random *rand.Rand, most int, init bool) []any {
	list := []any{}
	for range random.IntN(most + 1) {
		container := object{"name": "c"}
		if chance(random, 90) {
			container["resources"] = randomResources(random)
		}
		if init && chance(random, 40) {
			container["restartPolicy"] = "Always"
		}
		list = append(list, container)
	}
	return list
}

func randomRequests(random *rand.Rand) any {
	spec := object{"containers": randomContainers(random, 3, false)}
	if chance(random, 60) {
		spec["initContainers"] = randomContainers(random, 4, true)
	}
	if chance(random, 25) {
		spec["resources"] = randomResources(random)
	}
	if chance(random, 20) {
		spec["overhead"] = randomResourceList(random)
	}
	text, err := json.Marshal(object{"spec": spec})
	if err != nil {
		panic(err)
	}
	return answerRequests(string(text))
}
