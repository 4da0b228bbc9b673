{{/* An IPv4 address, such as 10.0.0.1, as a number. */}}
{{- define "portcall.number" -}}
{{- $parts := splitList "." . -}}
{{- add (mul (index $parts 0 | int) 16777216) (mul (index $parts 1 | int) 65536) (mul (index $parts 2 | int) 256) (index $parts 3 | int) -}}
{{- end -}}

{{/* Whether the first network contains the second: (list "10.0.0.0/8" "10.1.0.0/16"): "true", or nothing. */}}
{{- define "portcall.contains" -}}
{{- $outer := splitList "/" (index . 0) -}}
{{- $inner := splitList "/" (index . 1) -}}
{{- if ge (index $inner 1 | int) (index $outer 1 | int) -}}
{{- $size := 1 -}}
{{- range until (sub 32 (index $outer 1 | int) | int) }}{{ $size = mul $size 2 }}{{ end -}}
{{- if eq (div (include "portcall.number" (index $outer 0) | int64) $size) (div (include "portcall.number" (index $inner 0) | int64) $size) -}}
true
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The networks that settings.allowTargets names, as JSON. */}}
{{- define "portcall.allowedTargets" -}}
{{- $networks := list -}}
{{- range $network := splitList "," (.Values.settings.allowTargets | default "" | toString) -}}
{{- $network = trim $network -}}
{{- if not (or (eq $network "") (eq (lower $network) "none")) -}}
{{- if not (contains "/" $network) -}}
{{- $network = printf "%s/%s" $network (ternary "128" "32" (contains ":" $network)) -}}
{{- end -}}
{{- $networks = append $networks $network -}}
{{- end -}}
{{- end -}}
{{- $networks | toJson -}}
{{- end -}}

{{/* A peer for a network, without the addresses where a cloud's metadata is: never a webhook's. */}}
{{- define "portcall.peer" -}}
{{- $except := list -}}
{{- if contains ":" . -}}
{{- /* fd00:ec2::254 (AWS) and fd20:ce::254 (Google) are in unique local networks; fe80::/10 is link-local. */ -}}
{{- if eq . "::/0" -}}
{{- $except = list "fd00:ec2::254/128" "fd20:ce::254/128" "fe80::/10" -}}
{{- else if or (eq . "fc00::/7") (eq . "fd00::/8") -}}
{{- $except = list "fd00:ec2::254/128" "fd20:ce::254/128" -}}
{{- else if regexMatch "^(?i)(::/|f[cd]00::/|fd00:0?ec2:|fd20:0?0?ce:|fe[89ab][0-9a-f]:)" . -}}
{{- fail (printf "settings.allowTargets: %s may contain a metadata or link-local address: name the networks in it that you need" .) -}}
{{- end -}}
{{- else -}}
{{- if include "portcall.contains" (list "169.254.0.0/16" .) -}}
{{- fail (printf "settings.allowTargets: %s is link-local; a cloud's metadata is there" .) -}}
{{- end -}}
{{- if include "portcall.contains" (list . "169.254.0.0/16") -}}
{{- $except = list "169.254.0.0/16" -}}
{{- end -}}
{{- end -}}
ipBlock:
  cidr: {{ . | quote }}
  {{- with $except }}
  except: {{ toJson . }}
  {{- end }}
{{- end -}}
