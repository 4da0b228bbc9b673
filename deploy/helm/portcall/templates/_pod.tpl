{{/* What the pods of roles and of the setup have in common: (dict "root" $ "component" "router"). */}}
{{- define "portcall.podContext" -}}
serviceAccountName: {{ ternary "default" (include "portcall.fullname" .root) (eq .component "setup") }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What the containers have in common; the caller adds name, args, ports, probes and resources. */}}
{{- define "portcall.container" -}}
image: {{ include "portcall.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
env: {{ include "portcall.environment" . | nindent 2 }}
volumeMounts:
  - {name: secrets, mountPath: /run/secrets/portcall, readOnly: true}
  - {name: tmp, mountPath: /tmp}
{{- include "portcall.mounts" . | nindent 2 }}
{{- end -}}

{{- define "portcall.mounts" -}}
{{- range (include "portcall.files" . | fromJsonArray) }}
- {name: {{ .name }}, mountPath: /run/portcall/{{ .name }}, readOnly: true}
{{- end }}
{{- with .root.Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The folders with certificates that a component sees, as JSON: name, secret, and items. */}}
{{- define "portcall.files" -}}
{{- $values := .root.Values -}}
{{- $files := list -}}
{{- if and (has .component (list "producer" "management")) (include "portcall.tlsSecret" .) -}}
{{- $files = append $files (dict "name" "tls" "secret" (include "portcall.tlsSecret" .)) -}}
{{- end -}}
{{- if and (has .component (list "producer" "deliverer")) $values.ca.existingSecret -}}
{{- $item := dict "key" $values.ca.key "path" "ca.crt" -}}
{{- $files = append $files (dict "name" "ca" "secret" $values.ca.existingSecret "items" (list $item)) -}}
{{- end -}}
{{- if and (eq .component "deliverer") $values.clientCertificate.existingSecret -}}
{{- $files = append $files (dict "name" "client" "secret" $values.clientCertificate.existingSecret) -}}
{{- end -}}
{{- if $values.broker.ca.existingSecret -}}
{{- $item := dict "key" "ca.crt" "path" "ca.crt" -}}
{{- $files = append $files (dict "name" "broker-ca" "secret" $values.broker.ca.existingSecret "items" (list $item)) -}}
{{- end -}}
{{- if $values.database.ca.existingSecret -}}
{{- $item := dict "key" "ca.crt" "path" "ca.crt" -}}
{{- $files = append $files (dict "name" "database-ca" "secret" $values.database.ca.existingSecret "items" (list $item)) -}}
{{- end -}}
{{- $files | toJson -}}
{{- end -}}

{{/* A pod sees those secrets that its role reads, and no others. */}}
{{- define "portcall.volumes" -}}
{{- $values := .root.Values -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ include "portcall.brokerSecret" .root }}
          items: [{key: {{ include "portcall.brokerKey" .root }}, path: amqp-url}]
      - secret:
          name: {{ include "portcall.databaseSecret" .root }}
          items: [{key: {{ include "portcall.databaseKey" .root }}, path: database-url}]
      {{- if ne .component "setup" }}
      - secret:
          name: {{ include "portcall.credentialsSecret" .root }}
          items:
            - {key: {{ $values.credentials.tokenKey }}, path: token}
            {{- if has .component (list "producer" "deliverer" "management") }}
            - {key: {{ $values.credentials.encryptionKeyKey }}, path: encryption-key}
            {{- end }}
      {{- end }}
      {{- if and $values.operatorWebhook.existingSecret (has .component (list "deliverer" "management")) }}
      - secret:
          name: {{ $values.operatorWebhook.existingSecret }}
          items:
            - {key: {{ $values.operatorWebhook.uriKey }}, path: operator-webhook-uri}
            {{- with $values.operatorWebhook.secretKey }}
            - {key: {{ . }}, path: operator-webhook-secret}
            {{- end }}
      {{- end }}
      {{- if and $values.identityHeader.existingSecret (eq .component "management") }}
      - secret:
          name: {{ $values.identityHeader.existingSecret }}
          items: [{key: {{ $values.identityHeader.key }}, path: identity-header}]
      {{- end }}
{{- range (include "portcall.files" . | fromJsonArray) }}
- name: {{ .name }}
  secret:
    secretName: {{ .secret }}
    defaultMode: 0440
    {{- with .items }}
    items: {{ toYaml . | nindent 6 }}
    {{- end }}
{{- end }}
{{- with $values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "portcall.spread" -}}
{{- if .root.Values.topologySpreadConstraints -}}
{{ toYaml .root.Values.topologySpreadConstraints }}
{{- else -}}
{{- $selector := include "portcall.componentSelector" . -}}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{ $selector | nindent 6 }}
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end -}}
{{- end -}}
