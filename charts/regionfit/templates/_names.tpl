{{/* Names and labels. */}}

{{- define "regionfit.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* 48 characters: what is appended to it, in names that are DNS labels, is shorter than 15. */}}
{{- define "regionfit.fullname" -}}
{{- $name := include "regionfit.name" . }}
{{- $made := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- default $made .Values.fullnameOverride | trunc 48 | trimSuffix "-" }}
{{- end }}

{{- define "regionfit.releaseLabels" -}}
app.kubernetes.io/name: {{ include "regionfit.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Of the replicas alone, and no other pod of the release. */}}
{{- define "regionfit.selectorLabels" -}}
{{ include "regionfit.releaseLabels" . }}
app.kubernetes.io/component: webhook
{{- end }}

{{- define "regionfit.labels" -}}
{{ include "regionfit.releaseLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels and annotations of an object: (list ROOT ANNOTATIONS...), of which the last one wins. */}}
{{- define "regionfit.metadata" -}}
{{- $root := first . }}
{{- $annotations := merge dict $root.Values.commonAnnotations }}
{{- range rest . }}
{{- $annotations = mergeOverwrite $annotations . }}
{{- end -}}
labels:
  {{- include "regionfit.labels" $root | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "regionfit.serviceAccountName" -}}
{{- $made := .Values.serviceAccount.create | ternary (include "regionfit.fullname" .) "default" }}
{{- default $made .Values.serviceAccount.name }}
{{- end }}

{{- define "regionfit.user" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "regionfit.serviceAccountName" . }}
{{- end }}

{{- define "regionfit.image" -}}
{{- with .Values.image }}
{{- if .digest }}
{{- .repository }}@{{ .digest }}
{{- else }}
{{- .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end }}
{{- end }}
{{- end }}

{{/* The names under which the API server, and others in the cluster, may call the Service; one a line. */}}
{{- define "regionfit.serviceNames" -}}
{{- $name := include "regionfit.fullname" . }}
{{- $name }}
{{ $name }}.{{ .Release.Namespace }}
{{ $name }}.{{ .Release.Namespace }}.svc
{{ $name }}.{{ .Release.Namespace }}.svc.cluster.local
{{- range .Values.certificates.extraNames }}
{{ . }}
{{- end }}
{{- end }}

{{- define "regionfit.priorityClassName" -}}
{{- with .Values.priorityClass }}
{{- .create | ternary (default (include "regionfit.fullname" $) .name) .name }}
{{- end }}
{{- end }}

{{/* Of an object of `helm test`: (list ROOT WEIGHT); lower weights come first. */}}
{{- define "regionfit.testMetadata" -}}
{{- $hook := dict "helm.sh/hook" "test" "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded" }}
{{- include "regionfit.metadata" (list (first .) $hook (dict "helm.sh/hook-weight" (last . | toString))) }}
{{- end }}
