package tools_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	strict "sigs.k8s.io/yaml"
)

// TestKubernetes reads the manifests as the API server would that refuses unknown
// fields, and follows what they say of one another.
func TestKubernetes(t *testing.T) {
	var (
		config  corev1.ConfigMap
		set     appsv1.StatefulSet
		service corev1.Service
		ingress networkingv1.Ingress
		policy  networkingv1.NetworkPolicy
	)
	kinds := map[string]any{"ConfigMap": &config, "StatefulSet": &set, "Service": &service, "Ingress": &ingress, "NetworkPolicy": &policy}
	for _, doc := range documents(t, "../deploy/kubernetes/notifier.yaml") {
		var head struct{ Kind string }
		if err := strict.Unmarshal(doc, &head); err != nil {
			t.Fatal(err)
		}
		into, ok := kinds[head.Kind]
		if !ok {
			t.Fatalf("what is a %q?", head.Kind)
		}
		if err := strict.UnmarshalStrict(doc, into); err != nil {
			t.Errorf("%s: %v", head.Kind, err)
		}
		delete(kinds, head.Kind)
	}
	if len(kinds) > 0 {
		t.Fatalf("missing: %v", kinds)
	}

	pod := set.Spec.Template
	for what, selector := range map[string]map[string]string{"set": set.Spec.Selector.MatchLabels, "service": service.Spec.Selector, "policy": policy.Spec.PodSelector.MatchLabels} {
		for k, v := range selector {
			if pod.Labels[k] != v {
				t.Errorf("the %s does not select the pod: %s", what, k)
			}
		}
	}
	port := service.Spec.Ports[0]
	if backend := ingress.Spec.Rules[0].HTTP.Paths[0].Backend.Service; backend.Name != service.Name || backend.Port.Name != port.Name {
		t.Errorf("the ingress leads to %v", backend)
	}
	c := pod.Spec.Containers[0]
	named := map[string]int32{}
	for _, p := range c.Ports {
		named[p.Name] = p.ContainerPort
	}
	for _, p := range []string{port.TargetPort.StrVal, c.LivenessProbe.HTTPGet.Port.StrVal, c.ReadinessProbe.HTTPGet.Port.StrVal, c.StartupProbe.HTTPGet.Port.StrVal} {
		if named[p] != 4001 {
			t.Errorf("there is no port %q", p)
		}
	}
	if c.ReadinessProbe.HTTPGet.Path != "/ws/readyz" || c.LivenessProbe.HTTPGet.Path != "/ws/livez" {
		t.Error("the probes are elsewhere than the base path")
	}
	for _, rule := range policy.Spec.Ingress {
		for _, p := range rule.Ports {
			if name := p.Port.StrVal; named[name] == 0 || name == "admin" && len(rule.From) == 0 {
				t.Errorf("the policy opens %q to %v", name, rule.From)
			}
		}
	}
	mounted := map[string]bool{set.Spec.VolumeClaimTemplates[0].Name: true}
	for _, v := range pod.Spec.Volumes {
		mounted[v.Name] = true
	}
	for _, m := range c.VolumeMounts {
		if !mounted[m.Name] {
			t.Errorf("there is no volume %s", m.Name)
		}
	}
	if s := c.SecurityContext; !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !*pod.Spec.SecurityContext.RunAsNonRoot {
		t.Error("the container may do more than it has to")
	}
	checkConfig(t, config.Data["notifier.yaml"], nil)
}

func documents(t *testing.T, file string) (docs [][]byte) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	reader := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(b)))
	defer reader.Close()
	for {
		doc := make([]byte, len(b))
		n, err := reader.Read(doc)
		if errors.Is(err, io.EOF) {
			return docs
		}
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc[:n])
	}
}

// TestCompose loads the files as docker compose does, its schema included.
func TestCompose(t *testing.T) {
	for _, name := range []string{"nginx", "caddy"} {
		t.Run(name, func(t *testing.T) {
			file := "../deploy/compose/" + name + ".yaml"
			o, err := cli.NewProjectOptions([]string{file}, cli.WithEnv([]string{"HOST=www.example.com"}))
			if err != nil {
				t.Fatal(err)
			}
			p, err := o.LoadProject(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			us, proxy := p.Services["notifier"], p.Services[name]
			if _, err := os.Stat(filepath.Join(us.Build.Context, us.Build.Dockerfile)); err != nil {
				t.Error(err)
			}
			for _, v := range proxy.Volumes {
				if _, err := os.Stat(v.Source); v.Type == types.VolumeTypeBind && err != nil {
					t.Error(err)
				}
			}
			if len(us.Ports) > 0 || !us.ReadOnly {
				t.Error("notifier itself can be reached from outside, or writes elsewhere than into its volume")
			}
			checkConfig(t, "", us.Environment)
		})
	}
}

// checkConfig has the program look at settings, a file and an environment, once
// the secrets that they name are there.
func checkConfig(t *testing.T, file string, environment types.MappingWithEquals) {
	t.Helper()
	dir := t.TempDir()
	secret := func(s string) string {
		return strings.NewReplacer("/run/secrets/jwt-key", dir+"/jwt-key", "/run/secrets/api-keys", dir+"/api-keys.yaml", "/secrets/", dir+"/").Replace(s)
	}
	for name, content := range map[string]string{
		"jwt-key": "a secret that is long enough for HS256", "api-keys.yaml": "- {name: backend, hash: sha256:" + strings.Repeat("5a", 32) + "}\n", "notifier.yaml": secret(file),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), program(t), "check-config", filepath.Join(dir, "notifier.yaml"))
	cmd.Env = append(os.Environ(), "NOTIFIER_LISTEN=0.0.0.0:4001")
	for k, v := range environment {
		cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%s", k, secret(*v)))
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// program builds the program.
func program(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "notifier")
	build := exec.Command("go", "build", "-o", file, "./cmd/notifier")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// TestComposeProxies has each proxy read its own settings.
func TestComposeProxies(t *testing.T) {
	t.Run("nginx", func(t *testing.T) {
		need(t, "nginx")
		dir := t.TempDir()
		site := strings.ReplaceAll(string(readFile(t, "../deploy/compose/nginx.conf")), "listen 80;", "listen unix:"+dir+"/socket;")
		conf := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(conf, []byte("pid "+dir+"/pid; error_log stderr; "+site), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, "", "nginx", "-t", "-c", conf)
	})
	t.Run("caddy", func(t *testing.T) {
		need(t, "caddy")
		t.Setenv("HOST", "www.example.com")
		t.Setenv("HOME", t.TempDir()) // where it keeps certificates
		run(t, "", "caddy", "validate", "--adapter", "caddyfile", "--config", "../deploy/compose/Caddyfile")
	})
}
