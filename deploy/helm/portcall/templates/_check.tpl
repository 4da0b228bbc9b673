{{/* What the schema cannot say. */}}
{{- define "portcall.check" -}}
{{- if not .Values.trial.enabled -}}
{{- range $name, $key := dict "credentials" "token and encryption-key" "broker" .Values.broker.urlKey "database" .Values.database.urlKey -}}
{{- if not (index $.Values $name).existingSecret -}}
{{- fail (printf "%s.existingSecret must name a secret (keys: %s), unless trial.enabled is true; docs/kubernetes.md says how to make it" $name $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name := list "producer" "management" -}}
{{- $certificate := index $.Values.certificates $name -}}
{{- if and $certificate.enabled (not (and $certificate.issuerRef.name $certificate.dnsNames)) -}}
{{- fail (printf "certificates.%s needs issuerRef.name and dnsNames" $name) -}}
{{- end -}}
{{- $route := index $.Values.httpRoute $name -}}
{{- if and $route.enabled (not $route.parentRefs) -}}
{{- fail (printf "httpRoute.%s needs parentRefs: the Gateway that it belongs to" $name) -}}
{{- end -}}
{{- if and (index $.Values.ingress $name).enabled (not (index $.Values.ingress $name).host) -}}
{{- fail (printf "ingress.%s needs a host" $name) -}}
{{- end -}}
{{- end -}}
{{- range $name := list "producer" "router" "deliverer" "management" -}}
{{- $scaling := (index $.Values $name).autoscaling -}}
{{- if lt (int $scaling.max) (int $scaling.min) -}}
{{- fail (printf "%s.autoscaling.max must be at least min" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
