{{/* "dcp-operator" for a release named "dcp", "dcp-operator" or the like, "team-dcp-operator" for "team". */}}
{{- define "dcp.name" -}}
{{- if hasPrefix .Release.Name .Chart.Name }}{{ .Chart.Name }}
{{- else if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 53 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 53 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* Of what belongs to the cluster: releases in other namespaces have other names. */}}
{{- define "dcp.clusterName" -}}
{{ printf "%s-%s" .Release.Namespace (include "dcp.name" .) }}
{{- end }}

{{- define "dcp.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "dcp.labels" -}}
{{ include "dcp.selector" . }}
{{ include "dcp.release" . }}
{{- end }}

{{/* The labels of everything of this release. */}}
{{- define "dcp.release" -}}
app.kubernetes.io/part-of: data-cleaning-pipelines
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "dcp.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "dcp.name" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{/* An image's reference; called with (list $ "fetcher"). */}}
{{- define "dcp.image" -}}
{{- $root := first . }}{{- $name := last . }}{{- $images := $root.Values.images }}
{{- with get $images $name }}{{ . }}
{{- else }}
{{- $repository := required "images.repository: say where the images are, e.g. --set images.repository=registry.example/dcp" $images.repository }}
{{- printf "%s/%s:%s" $repository $name ($images.tag | default $root.Chart.AppVersion) }}
{{- end }}
{{- end }}

{{/* The class that this release makes, or the one that it is told. */}}
{{- define "dcp.priorityClass" -}}
{{- .Values.priorityClassName | default (ternary (include "dcp.clusterName" .) "" .Values.priorityClass.create) }}
{{- end }}

{{/* Not empty where the cluster's namespaces have to be listed to know which are watched. */}}
{{- define "dcp.lookedUp" -}}
{{- if or .Values.watchNamespaceSelector (regexMatch "[!*?[]" (join "," .Values.watchNamespaces)) }}yes{{ end }}
{{- end }}

{{- define "dcp.rules" -}}
{{ .Files.Get "files/rules.yaml" | trim }}
{{- if include "dcp.lookedUp" . }}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
{{- end }}
{{- if .Values.metrics.podMonitors }}
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors]
  verbs: [create, delete, get, list, patch, watch]
{{- end }}
{{- if .Values.keda.enabled }}
- apiGroups: [keda.sh]
  resources: [scaledobjects, triggerauthentications]
  verbs: [create, delete, get, list, patch, watch]
{{- end }}
{{- end }}

{{- define "dcp.hardened" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "dcp.uiSelector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-ui
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "dcp.uiLabels" -}}
{{ include "dcp.uiSelector" . }}
{{ include "dcp.release" . }}
{{- end }}
