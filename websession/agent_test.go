package websession

import (
	"strings"
	"testing"
)

func TestDescribeAgent(t *testing.T) {
	t.Parallel()
	const webkit = " AppleWebKit/537.36 (KHTML, like Gecko) "
	for _, tt := range []struct{ field, want string }{
		{"Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0", "Firefox 150 on Linux"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64)" + webkit + "Chrome/148.0.0.0 Safari/537.36", "Chrome 148 on Windows"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64)" + webkit + "Chrome/148.0.0.0 Safari/537.36 Edg/148.0.0.0", "Edge 148 on Windows"},
		{"Mozilla/5.0 (Linux; Android 10; K)" + webkit + "SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36", "Samsung Internet 29 on Android"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1", "Safari 26 on iPhone"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15", "Safari 26 on macOS"},
		{"Mozilla/5.0 Firefox/150", "Firefox 150"},
		{"Firefox/", "Firefox"},
		{"Firefox/999999999999999999", "Firefox"},
		{"curl/8.14.1", "curl/8.14.1"},
		{"", ""},
		{"\x00<script>alert(1)</script>\r\nx é", "scriptalert(1)/script"},
		{strings.Repeat("x", 10_000), strings.Repeat("x", 40)},
	} {
		if got := describeAgent(tt.field); got != tt.want {
			t.Errorf("%.60q: %q, want %q", tt.field, got, tt.want)
		}
	}
}
