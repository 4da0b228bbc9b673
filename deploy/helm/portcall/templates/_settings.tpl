{{/* Which settings a role reads. A test compares this with the settings of each role. */}}
{{- define "portcall.settingsOf" -}}
{{- $common := list "shards" "retrySchedule" "recordRetention" "authFailuresPerS" "logLevel" "logFormat" "tracing" -}}
{{- $own := dict
    "setup" (list "directWebhooks")
    "producer" (list "directWebhooks")
    "router" (list "routerPrefetch")
    "deliverer" (list "attemptTimeout" "maxAge" "allowTargets" "allowPorts" "ownNetworks" "maskHeaders"
        "delivererPrefetch" "maxInFlight" "endpointConcurrency")
    "management" (list "allowTargets" "allowPorts" "ownNetworks" "tlsNames" "maxAge" "disableAfter" "probeAfter" "secretOverlap" "producerTlsUrl")
-}}
{{- concat $common (get $own . | default list) | toJson -}}
{{- end -}}

{{/* A value as the text of a variable: 1000000 is not 1e+06. */}}
{{- define "portcall.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}
{{ printf "%.0f" . }}
{{- else -}}
{{ . }}
{{- end -}}
{{- end -}}

{{/* Where senders reach the producer. */}}
{{- define "portcall.producerUrl" -}}
{{- $ingress := .Values.ingress.producer -}}
{{- $route := .Values.httpRoute.producer -}}
{{- if .Values.settings.producerUrl -}}
{{ .Values.settings.producerUrl }}
{{- else if and $ingress.enabled $ingress.host -}}
{{ ternary "https" "http" (not (empty $ingress.tlsSecret)) }}://{{ $ingress.host }}{{ trimSuffix "/" $ingress.path }}
{{- else if and $route.enabled $route.hostnames -}}
https://{{ first $route.hostnames }}
{{- else -}}
http://{{ include "portcall.fullname" . }}-producer:8401
{{- end -}}
{{- end -}}

{{/* A duration such as 15s, 1500ms or 2m, in whole seconds. */}}
{{- define "portcall.seconds" -}}
{{- $number := regexFind "^[0-9]+" . | int -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- if eq $unit "ms" -}}
{{ div (add $number 999) 1000 }}
{{- else if has $unit (list "s" "m" "h" "d") -}}
{{ mul $number (get (dict "s" 1 "m" 60 "h" 3600 "d" 86400) $unit) }}
{{- else -}}
{{ fail (printf "settings.attemptTimeout: %s is no duration, such as 15s" .) }}
{{- end -}}
{{- end -}}

{{/* The environment of a role: (dict "root" $ "component" "router"). */}}
{{- define "portcall.environment" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
{{- $role := .component -}}
- {name: PORTCALL_AMQP_URL_FILE, value: /run/secrets/portcall/amqp-url}
- {name: PORTCALL_DATABASE_URL_FILE, value: /run/secrets/portcall/database-url}
{{- if ne $role "setup" }}
- {name: PORTCALL_TOKEN_FILE, value: /run/secrets/portcall/token}
{{- end }}
{{- if has $role (list "producer" "deliverer" "management") }}
- {name: PORTCALL_ENCRYPTION_KEY_FILE, value: /run/secrets/portcall/encryption-key}
{{- end }}
{{- range (include "portcall.settingsOf" $role | fromJsonArray) }}
{{- $value := get $values.settings . }}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) }}
- {name: PORTCALL_{{ . | snakecase | upper }}, value: {{ include "portcall.text" $value | quote }}}
{{- end }}
{{- end }}
{{- if ne $role "setup" }}
- {name: PORTCALL_HEALTH_BIND, value: "0.0.0.0:9000"}
- {name: PORTCALL_INSECURE_BIND, value: {{ has $role (list "producer" "management") | ternary (printf "health,%s" $role) "health" | quote }}}
{{- end }}
{{- if eq $role "producer" }}
- {name: PORTCALL_PRODUCER_BIND, value: "0.0.0.0:8401"}
{{- if include "portcall.tlsSecret" . }}
- {name: PORTCALL_PRODUCER_TLS_BIND, value: "0.0.0.0:8444"}
- {name: PORTCALL_PRODUCER_TLS_CERT_FILE, value: /run/portcall/tls/tls.crt}
- {name: PORTCALL_PRODUCER_TLS_KEY_FILE, value: /run/portcall/tls/tls.key}
{{- end }}
{{- end }}
{{- if has $role (list "deliverer" "management") }}
- {name: PORTCALL_OWN_PORTS, value: "8400,8401,8443,8444"}
{{- end }}
{{- if eq $role "deliverer" }}
{{- if $values.clientCertificate.existingSecret }}
- {name: PORTCALL_CLIENT_CERT_FILE, value: /run/portcall/client/tls.crt}
- {name: PORTCALL_CLIENT_KEY_FILE, value: /run/portcall/client/tls.key}
{{- end }}
{{- end }}
{{- if and $values.ca.existingSecret (has $role (list "producer" "deliverer")) }}
- {name: PORTCALL_CA_FILE, value: /run/portcall/ca/ca.crt}
{{- end }}
{{- if and $values.operatorWebhook.existingSecret (has $role (list "deliverer" "management")) }}
- {name: PORTCALL_OPERATOR_WEBHOOK_URI_FILE, value: /run/secrets/portcall/operator-webhook-uri}
{{- if $values.operatorWebhook.secretKey }}
- {name: PORTCALL_OPERATOR_WEBHOOK_SECRET_FILE, value: /run/secrets/portcall/operator-webhook-secret}
{{- end }}
{{- end }}
{{- if eq $role "management" }}
- {name: PORTCALL_MANAGEMENT_BIND, value: "0.0.0.0:8400"}
- {name: PORTCALL_URL, value: "http://127.0.0.1:8400"}
- {name: PORTCALL_PRODUCER_URL, value: {{ include "portcall.producerUrl" $root | quote }}}
{{- if include "portcall.tlsSecret" . }}
- {name: PORTCALL_MANAGEMENT_TLS_BIND, value: "0.0.0.0:8443"}
- {name: PORTCALL_TLS_CERT_FILE, value: /run/portcall/tls/tls.crt}
- {name: PORTCALL_TLS_KEY_FILE, value: /run/portcall/tls/tls.key}
{{- if include "portcall.tlsHasCa" $root }}
- {name: PORTCALL_TLS_CA_FILE, value: /run/portcall/tls/ca.crt}
{{- end }}
{{- else }}
- {name: PORTCALL_MANAGEMENT_TLS_BIND, value: none}
{{- end }}
{{- if $values.identityHeader.existingSecret }}
- {name: PORTCALL_IDENTITY_HEADER_FILE, value: /run/secrets/portcall/identity-header}
{{- end }}
{{- end }}
{{- if $values.database.ca.existingSecret }}
- {name: PGSSLMODE, value: verify-full}
- {name: PGSSLROOTCERT, value: /run/portcall/database-ca/ca.crt}
{{- end }}
{{- with $values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
