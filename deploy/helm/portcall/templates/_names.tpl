{{/* Names and labels. */}}
{{- define "portcall.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "portcall.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Of a component: (dict "root" $ "component" "router"). */}}
{{- define "portcall.componentSelector" -}}
{{ include "portcall.selector" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "portcall.labels" -}}
{{ include "portcall.componentSelector" . }}
app.kubernetes.io/part-of: portcall
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "portcall.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* Secrets: the ones that are named, or a trial's. */}}
{{- define "portcall.trialSecret" -}}
{{ include "portcall.fullname" . }}-trial
{{- end -}}

{{- define "portcall.credentialsSecret" -}}
{{- .Values.credentials.existingSecret | default (include "portcall.trialSecret" .) -}}
{{- end -}}

{{- define "portcall.brokerSecret" -}}
{{- .Values.broker.existingSecret | default (include "portcall.trialSecret" .) -}}
{{- end -}}

{{- define "portcall.databaseSecret" -}}
{{- .Values.database.existingSecret | default (include "portcall.trialSecret" .) -}}
{{- end -}}

{{/* A trial's own broker, or database, is there: "true", or nothing. */}}
{{- define "portcall.trialBroker" -}}
{{- if and .Values.trial.enabled (not .Values.broker.existingSecret) }}true{{ end -}}
{{- end -}}

{{- define "portcall.trialDatabase" -}}
{{- if and .Values.trial.enabled (not .Values.database.existingSecret) }}true{{ end -}}
{{- end -}}

{{/* The keys in those secrets: a trial's secret has fixed ones. */}}
{{- define "portcall.brokerKey" -}}
{{- if include "portcall.trialBroker" . }}connection_string{{ else }}{{ .Values.broker.urlKey }}{{ end -}}
{{- end -}}

{{- define "portcall.databaseKey" -}}
{{- if include "portcall.trialDatabase" . }}uri{{ else }}{{ .Values.database.urlKey }}{{ end -}}
{{- end -}}

{{/* The TLS secret of a server: (dict "root" $ "component" "management"); nothing: no TLS. */}}
{{- define "portcall.tlsSecret" -}}
{{- $own := index .root.Values .component -}}
{{- if (index .root.Values.certificates .component).enabled -}}
{{ include "portcall.fullname" .root }}-{{ .component }}-tls
{{- else -}}
{{ $own.tls.existingSecret }}
{{- end -}}
{{- end -}}

{{/* Whether that secret has ca.crt: cert-manager's has, unless the issuer is a public one. */}}
{{- define "portcall.tlsHasCa" -}}
{{- if .Values.management.tls.hasCa }}true{{ end -}}
{{- end -}}
