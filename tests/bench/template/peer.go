// SPDX-License-Identifier: Apache-2.0

// The same templates by Go's own text/template, with Sprig: numbers to stand
// beside ours. Run by tests/bench/bench_template_go.sh.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/Masterminds/sprig"
	"gopkg.in/yaml.v2"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func functions(set **template.Template) template.FuncMap {
	f := sprig.TxtFuncMap()
	f["toYaml"] = func(v interface{}) string {
		// By way of JSON, as Helm's.
		j, err := json.Marshal(v)
		must(err)
		var tree interface{}
		must(yaml.Unmarshal(j, &tree))
		y, err := yaml.Marshal(tree)
		must(err)
		return strings.TrimSuffix(string(y), "\n")
	}
	f["include"] = func(name string, data interface{}) (string, error) {
		var out strings.Builder
		err := (*set).ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	f["tpl"] = func(text string, data interface{}) (string, error) {
		copied, err := (*set).Clone()
		must(err)
		one, err := copied.New("gotpl").Parse(text)
		must(err)
		var out strings.Builder
		err = one.Execute(&out, data)
		return out.String(), err
	}
	f["required"] = func(why string, v interface{}) (interface{}, error) { return v, nil }
	return f
}

// Of the processor, so that busy neighbours do not count.
func now() time.Duration {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	must(err)
	raw, err := os.ReadFile(os.Args[2])
	must(err)
	var values map[string]interface{}
	must(json.Unmarshal(raw, &values))
	var set *template.Template
	f := functions(&set)

	start, times := now(), 0
	for ; (now() - start) < time.Second/3; times++ {
		template.Must(template.New("profile").Funcs(f).Option("missingkey=zero").Parse(string(text)))
	}
	fmt.Printf("%-42s %12.0f a CPU second\n", "go: parse the profile", float64(times)/(now() - start).Seconds())
	set = template.Must(template.New("profile").Funcs(f).Option("missingkey=zero").Parse(string(text)))
	start, times = now(), 0
	for ; (now() - start) < time.Second/2; times++ {
		var out bytes.Buffer
		must(set.Execute(&out, values))
	}
	fmt.Printf("%-42s %12.0f a CPU second\n", "go: render the profile", float64(times)/(now() - start).Seconds())
}
