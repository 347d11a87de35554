{{/* Who makes the certificates: self (regionfit), cert-manager, or user. */}}
{{- define "regionfit.certificates" -}}
{{- if .Values.certManager.enabled }}
{{- if .Values.existingSecret }}
{{- fail "certManager.enabled and existingSecret exclude each other: certificates come from one of them" }}
{{- end }}
{{- "cert-manager" }}
{{- else if .Values.existingSecret }}
{{- "user" }}
{{- else }}
{{- "self" }}
{{- end }}
{{- if and .Values.webhook.caBundle (not .Values.existingSecret) }}
{{- fail "webhook.caBundle goes with existingSecret alone: otherwise the CA is registered by who makes it" }}
{{- end }}
{{- end }}

{{- define "regionfit.secretName" -}}
{{- default (printf "%s-tls" (include "regionfit.fullname" .)) .Values.existingSecret }}
{{- end }}

{{/* "true" where regionfit writes the caBundle of its configuration itself. */}}
{{- define "regionfit.writesCaBundle" -}}
{{- $certificates := include "regionfit.certificates" . }}
{{- if or (eq $certificates "self") (and (eq $certificates "user") (not .Values.webhook.caBundle)) -}}
true
{{- end }}
{{- end }}

{{/* The options of serve about certificates, a list. */}}
{{- define "regionfit.certificateArgs" -}}
{{- $certificates := include "regionfit.certificates" . }}
- --webhook-configuration={{ include "regionfit.fullname" . }}
- --ca-overlap={{ .Values.certificates.caOverlapSeconds }}s
{{- if eq $certificates "self" }}
- --tls-secret={{ include "regionfit.secretName" . }}
{{- range splitList "\n" (include "regionfit.serviceNames" .) }}
- --tls-san={{ . }}
{{- end }}
{{- with .Values.certificates }}
- --tls-days={{ .days }}
- --ca-days={{ .caDays }}
{{- end }}
{{- else }}
- --tls-cert=/etc/regionfit/tls/tls.crt
- --tls-key=/etc/regionfit/tls/tls.key
{{- if include "regionfit.writesCaBundle" . }}
- --tls-ca=/etc/regionfit/tls/ca.crt
{{- end }}
{{- end }}
{{- end }}
