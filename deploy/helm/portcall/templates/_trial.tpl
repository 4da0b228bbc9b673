{{/* A headless Service of a trial's server: (dict "root" $ "component" "rabbitmq" "port" 5672). */}}
{{- define "portcall.trialService" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "portcall.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{ include "portcall.labels" . | nindent 4 }}
spec:
  clusterIP: None
  selector: {{ include "portcall.componentSelector" . | nindent 4 }}
  ports: [{name: {{ ternary "amqp" "postgres" (eq .component "rabbitmq") }}, port: {{ .port }}}]
{{- end -}}

{{- define "portcall.trialPod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .own.uid }}
  runAsGroup: {{ .own.uid }}
  fsGroup: {{ .own.uid }}
  # Always would open the Erlang cookie to the group at each start, and RabbitMQ refuses such a cookie.
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "portcall.trialClaim" -}}
- metadata: {name: data}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .storageClassName }}
    storageClassName: {{ . }}
    {{- end }}
    resources: {requests: {storage: {{ .storage }}}}
{{- end -}}
