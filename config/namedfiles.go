package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// NamedFiles returns the absolute paths of the configuration files, mox.conf at path and domains.conf beside it, and of
// the files that they name: certificates, keys, hashes of passwords. Whether they exist, and whether the configuration has
// problems, is not looked at, so that a backup can be made of it in any case; what cannot be parsed names nothing.
func NamedFiles(path string) ([]string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	opts := Options{Path: path}
	l := []string{path, opts.dynamicPath()}
	for _, f := range []struct {
		path string
		into any
	}{{path, &Static{}}, {opts.dynamicPath(), &Dynamic{}}} {
		data, err := os.ReadFile(f.path)
		if err != nil {
			continue // Who copies the file finds out.
		}
		p := problems{file: f.path}
		p.unmarshal(data, "", f.into)
		namedFiles(reflect.ValueOf(f.into), func(name string) {
			if name = within(filepath.Dir(path), name); !slices.Contains(l, name) {
				l = append(l, name)
			}
		})
	}
	return l, nil
}

// namedFiles calls add for the value of each field with a name that ends in "File".
func namedFiles(v reflect.Value, add func(name string)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			namedFiles(v.Elem(), add)
		}
	case reflect.Slice:
		for i := range v.Len() {
			namedFiles(v.Index(i), add)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			namedFiles(v.MapIndex(key), add)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f, field := v.Type().Field(i), v.Field(i)
			switch {
			case !f.IsExported():
			case field.Kind() == reflect.String && strings.HasSuffix(f.Name, "File"):
				if field.String() != "" {
					add(field.String())
				}
			case field.Type() == reflect.TypeFor[[]string]() && strings.HasSuffix(f.Name, "Files"):
				for _, name := range field.Interface().([]string) {
					add(name)
				}
			default:
				namedFiles(field, add)
			}
		}
	}
}
