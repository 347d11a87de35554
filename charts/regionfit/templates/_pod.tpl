{{/* The pod of a replica. */}}

{{- define "regionfit.args" -}}
- serve
- --listen={{ .Values.listenAddress }}:{{ .Values.port }}
{{ include "regionfit.certificateArgs" . | trim }}
{{- if .Values.metrics.enabled }}
- --metrics={{ .Values.listenAddress }}:{{ .Values.metrics.port }}
{{- end }}
- --request-timeout={{ .Values.requestTimeoutSeconds }}s
- --shutdown-delay={{ .Values.shutdownDelaySeconds }}s
- --ledger-ttl={{ .Values.ledgerTtlSeconds }}s
{{- range .Values.gpuResources }}
- --gpu-resource={{ . }}
{{- end }}
- --when-nothing-fits={{ .Values.whenNothingFits }}
{{- if .Values.enforceStatic }}
- --enforce-static
{{- end }}
{{- if .Values.rewriteScheduler }}
- --rewrite-scheduler
{{- end }}
{{- if .Values.capacityFromNodes }}
- --capacity-from-nodes
{{- end }}
{{- if .Values.dryRun }}
- --dry-run
{{- end }}
- --log-level={{ .Values.log.level }}
- --log-format={{ .Values.log.format }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What a restricted Pod Security Standard asks for, and a little more. */}}
{{- define "regionfit.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "regionfit.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* (list PROBE PATH) */}}
{{- define "regionfit.probe" -}}
httpGet:
  path: {{ last . }}
  port: https
  scheme: HTTPS
{{ first . | toYaml }}
{{- end }}

{{- define "regionfit.affinity" -}}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" (include "regionfit.selectorLabels" . | fromYaml)) }}
{{- $kind := .Values.hostNetwork | ternary "required" .Values.antiAffinity }}
{{- $apart := dict }}
{{- if eq $kind "required" }}
{{- $apart = dict "podAntiAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term)) }}
{{- else if eq $kind "preferred" }}
{{- $weighted := dict "weight" 100 "podAffinityTerm" $term }}
{{- $apart = dict "podAntiAffinity" (dict "preferredDuringSchedulingIgnoredDuringExecution" (list $weighted)) }}
{{- end }}
{{- with merge dict .Values.affinity $apart }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{- define "regionfit.topologySpreadConstraints" -}}
{{- $labels := dict "labelSelector" (dict "matchLabels" (include "regionfit.selectorLabels" . | fromYaml)) }}
{{- $filled := list }}
{{- range .Values.topologySpreadConstraints }}
{{- $filled = append $filled (merge dict . $labels) }}
{{- end }}
{{- toYaml $filled }}
{{- end }}
