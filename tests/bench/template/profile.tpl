{{- define "labels" }}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ printf "%s-%s" .name .environment | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .image.tag | quote }}
{{- with .team }}
axle.io/team: {{ . | lower | replace " " "-" }}
{{- end }}
{{- end }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  labels: {{- include "labels" . | nindent 4 }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .name }}-settings
  labels: {{- include "labels" . | nindent 4 }}
data:
{{- range $key, $value := .settings }}
  {{ $key | snakecase | upper }}: {{ $value | quote }}
{{- end }}
  models.yaml: |
{{ toYaml .models | indent 4 }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ .name }}-token
  labels: {{- include "labels" . | nindent 4 }}
stringData:
  token: {{ required "a token is needed" .token | b64enc }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  labels: {{- include "labels" . | nindent 4 }}
spec:
  replicas: {{ .replicas | default 1 | int }}
  selector:
    matchLabels:
      app.kubernetes.io/name: {{ .name }}
  template:
    metadata:
      labels: {{- include "labels" . | nindent 8 }}
      annotations:
        checksum/settings: {{ .settings | toJson | sha256sum }}
    spec:
      serviceAccountName: {{ .name }}
      containers:
      {{- range $index, $container := .containers }}
      - name: {{ $container.name | default (printf "container-%d" $index) }}
        image: "{{ $.image.repository }}/{{ $container.name }}:{{ $container.tag | default $.image.tag }}"
        {{- if $container.args }}
        args: {{- toYaml $container.args | nindent 10 }}
        {{- end }}
        env:
        {{- range $container.env }}
        - name: {{ .name }}
          value: {{ tpl .value $ | quote }}
        {{- end }}
        ports:
        {{- range $container.ports }}
        - containerPort: {{ . | int }}
          name: {{ printf "port-%v" . }}
        {{- else }}
        []
        {{- end }}
        {{- with $container.resources }}
        resources: {{- toYaml . | nindent 10 }}
        {{- end }}
      {{- end }}
      {{- if and .gpu (gt (int .gpu.count) 0) }}
      nodeSelector:
        gpu: {{ .gpu.model | quote }}
      {{- else if .spread }}
      topologySpreadConstraints: {{- toYaml .spread | nindent 6 }}
      {{- end }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  labels: {{- include "labels" . | nindent 4 }}
spec:
  selector:
    app.kubernetes.io/name: {{ .name }}
  ports:
  {{- range .containers }}{{ range .ports }}
  - port: {{ . | int }}
    targetPort: {{ printf "port-%v" . }}
  {{- end }}{{ end }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  labels: {{- include "labels" . | nindent 4 }}
spec:
  {{- if gt (int .replicas) 1 }}
  minAvailable: {{ sub (int .replicas) 1 }}
  {{- else }}
  maxUnavailable: 1
  {{- end }}
  selector:
    matchLabels: {{ dict "app.kubernetes.io/name" .name | toYaml | nindent 6 }}
