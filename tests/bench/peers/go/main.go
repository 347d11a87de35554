// The peer that most would write instead of regionfit: a webhook of controller-runtime that decodes the pod, sets the
// labels of one fixed unit, and lets the library find the patch. It keeps no quota.
//
//	peer-go ADDR:PORT CERT KEY
//
// Go uses as many threads as the process has CPUs.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

const region = "alibabacloud.com/serverless-region-id"

var (
	labels = map[string]string{
		"alibabacloud.com/acs":              "true",
		"alibabacloud.com/compute-class":    "gpu",
		"alibabacloud.com/compute-qos":      "default",
		"alibabacloud.com/gpu-model-series": "GU8TF",
		region:                              "cn-beijing",
	}
	virtualNode = corev1.Toleration{
		Key:      "virtual-kubelet.io/provider",
		Operator: corev1.TolerationOpExists,
		Effect:   corev1.TaintEffectNoSchedule,
	}
)

type placement struct {
	decoder admission.Decoder
}

// Handle lets pods through as they are that want no GPU, or name their region.
func (p *placement) Handle(_ context.Context, request admission.Request) admission.Response {
	pod := &corev1.Pod{}
	if err := p.decoder.Decode(request, pod); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if pod.Labels[region] != "" || !wantsGPU(pod) {
		return admission.Allowed("")
	}
	place(pod)
	changed, err := json.Marshal(pod)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	return admission.PatchResponseFromRaw(request.Object.Raw, changed)
}

func wantsGPU(pod *corev1.Pod) bool {
	for i := range pod.Spec.Containers {
		if gpus, ok := pod.Spec.Containers[i].Resources.Limits["nvidia.com/gpu"]; ok && !gpus.IsZero() {
			return true
		}
	}
	return false
}

func place(pod *corev1.Pod) {
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	for key, value := range labels {
		pod.Labels[key] = value
	}
	if pod.Spec.NodeSelector == nil {
		pod.Spec.NodeSelector = map[string]string{}
	}
	pod.Spec.NodeSelector["type"] = "virtual-kubelet"
	pod.Spec.Tolerations = append(pod.Spec.Tolerations, virtualNode)
}

func serve(address, cert, key string) error {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return err
	}
	server := webhook.NewServer(webhook.Options{
		Host:     host,
		Port:     port,
		CertDir:  filepath.Dir(cert),
		CertName: filepath.Base(cert),
		KeyName:  filepath.Base(key),
	})
	handler := &placement{decoder: admission.NewDecoder(scheme)}
	server.Register("/mutate", &webhook.Admission{Handler: handler})
	return server.Start(ctrl.SetupSignalHandler())
}

func main() {
	ctrl.SetLogger(logr.Discard())
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: peer-go ADDR:PORT CERT KEY")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "peer-go:", err)
		os.Exit(1)
	}
}
