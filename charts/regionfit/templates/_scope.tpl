{{/* Which pods regionfit is asked about, and the policies hold for. */}}

{{- define "regionfit.namespaceSelector" -}}
{{- with .Values.webhook }}
matchExpressions:
- key: kubernetes.io/metadata.name
  operator: NotIn
  values:
  {{- concat (list "kube-system" $.Release.Namespace) .excludedNamespaces | uniq | toYaml | nindent 2 }}
{{- if eq .scope "namespaceLabel" }}
- key: {{ .label.key }}
  operator: In
  values: [{{ .label.value | quote }}]
{{- end }}
{{- end }}
{{- end }}

{{- define "regionfit.objectSelector" -}}
{{- if eq .Values.webhook.scope "objectLabel" }}
matchLabels:
  {{ .Values.webhook.label.key }}: {{ .Values.webhook.label.value | quote }}
{{- else -}}
{}
{{- end }}
{{- end }}

{{/* CEL: the pod is one that regionfit has to do with. What it lets through without a look at the policies stays away. */}}
{{- define "regionfit.isOurs" -}}
!object.metadata.?annotations[?'kubernetes.io/config.mirror'].hasValue() &&
object.metadata.?annotations[?'regionfit.io/ignore'].orValue('') != 'true' &&
object.metadata.?labels[?'regionfit.io/ignore'].orValue('') != 'true'
{{- end }}

{{/* CEL: a container or an init container asks for a GPU. No other part of a pod can. */}}
{{- define "regionfit.wantsGpu" -}}
{{- $names := list }}
{{- range .Values.gpuResources }}
{{- $names = append $names (printf "'%s'" .) }}
{{- end -}}
{{- $names := join ", " $names -}}
(object.spec.containers + object.spec.?initContainers.orValue([])).exists(c,
  [{{ $names }}].exists(r,
    string(c.?resources.?requests[?r].orValue('0')) != '0' || string(c.?resources.?limits[?r].orValue('0')) != '0'))
{{- end }}
