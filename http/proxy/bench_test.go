package proxy_test

import (
	"bufio"
	"io"
	"net"
	"testing"

	"mox/http/proxy"
)

// BenchmarkSmallResponse passes small responses on, over kept connections to a client and an
// upstream that cost next to nothing; the server of net/http is in the figure.
func BenchmarkSmallResponse(b *testing.B) {
	up := script(b, func(_ int, c net.Conn, r *bufio.Reader) {
		response := []byte("HTTP/1.1 200 OK\r\nServer: upstream\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")
		for {
			if line, err := r.ReadSlice('\n'); err != nil {
				return
			} else if len(line) == 2 {
				c.Write(response)
			}
		}
	})
	base := start(b, proxy.Options{}, up)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c, err := net.Dial("tcp", base[len("http://"):])
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		br := bufio.NewReader(c)
		for pb.Next() {
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			for {
				line, err := br.ReadSlice('\n')
				if err != nil {
					b.Error(err)
					return
				}
				if len(line) == 2 {
					break
				}
			}
			br.Discard(5)
		}
	})
}
