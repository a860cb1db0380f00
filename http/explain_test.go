package http_test

import (
	"path/filepath"
	"strings"
	"testing"

	"mox/config"
	"mox/http"
)

// Handlers that would answer with an error are told of before.
func TestBroken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "mox.conf"), "DataDir: data\nHostname: mail.example.org\nPostmaster:\n\tAccount: ann\nListeners:\n\tlocal:\n\t\tIPs:\n\t\t\t- 127.0.0.1\n\t\tWebserverHTTP:\n\t\t\tEnabled: true\n")
	const handler = "\t-\n\t\tLogName: NAME\n\t\tDomain: www.example.org\n\t\tPathRegexp: ^/\n"
	writeFile(t, filepath.Join(dir, "domains.conf"), domainsConf+"WebHandlers:\n"+
		strings.Replace(handler, "NAME", "good", 1)+"\t\tWebStatic:\n\t\t\tRoot: ../www\n"+
		strings.Replace(handler, "NAME", "checked", 1)+"\t\tWebForward:\n\t\t\tURL: http://192.0.2.1\n\t\t\tHealthPath: /health\n"+
		strings.Replace(handler, "NAME", "tag", 1)+"\t\tWebStatic:\n\t\t\tRoot: ../www\n\t\t\tResponseHeaders:\n\t\t\t\tETag: x\n")
	cfg, err := config.Load(config.Options{Path: filepath.Join(dir, "mox.conf")})
	if err != nil {
		t.Fatal(err)
	}
	errs := http.Broken(cfg)
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), `handler tag of www.example.org cannot work: static files: field "Etag" cannot be set`) {
		t.Errorf("errors %v", errs)
	}
}
