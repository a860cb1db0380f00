package imapserver

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"mox/internal/logging"
	"mox/store"
)

// idleConnections is how many connections the benchmarks of idle ones open.
const idleConnections = 1000

// idleClientsEnv tells a process started by BenchmarkIdleMemory to be its clients: network
// protocol and address.
const idleClientsEnv = "MOX_TEST_IDLE_CLIENTS"

// BenchmarkIdleMemory tells what a connection costs the server that waits in IDLE. The clients are a
// process of their own, so that their memory is not counted.
func BenchmarkIdleMemory(b *testing.B) {
	if addr := os.Getenv(idleClientsEnv); addr != "" {
		idleClients(b, addr)
		return
	}
	for _, kind := range []string{"plain", "tls"} {
		b.Run(kind, func(b *testing.B) {
			for range b.N {
				benchmarkIdleMemory(b, kind)
			}
		})
	}
}

func benchmarkIdleMemory(b *testing.B, kind string) {
	st := newStore(b, b.TempDir())
	addr := serveTCP(b, st, kind == "tls")
	before := memoryInUse()
	cmd := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkIdleMemory$", "-test.benchtime=1x")
	cmd.Env = append(os.Environ(), idleClientsEnv+"="+kind+" "+addr)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if strings.HasSuffix(line, "idling\n") {
			break
		}
		if err != nil {
			b.Fatalf("clients ended: %v", err)
		}
	}
	after := memoryInUse()
	heap, stack := after.HeapAlloc-before.HeapAlloc, after.StackInuse-before.StackInuse
	b.ReportMetric(float64(heap)/idleConnections, "heap-B/conn")
	b.ReportMetric(float64(stack)/idleConnections, "stack-B/conn")
	b.ReportMetric(float64(heap+stack)/idleConnections, "B/conn")
	in.Close()
	io.Copy(io.Discard, r)
	cmd.Wait()
}

func memoryInUse() runtime.MemStats {
	for range 4 {
		runtime.GC() // Stacks shrink by half each time.
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m
}

// idleClients opens the connections and keeps them until its input ends.
func idleClients(b *testing.B, arg string) {
	kind, addr, _ := strings.Cut(arg, " ")
	var open []*testClient // Collected, they would be closed.
	for range idleConnections {
		open = append(open, dialIdle(b, kind, addr))
	}
	fmt.Println("idling")
	io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(open)
}

// dialIdle returns a client that waits in IDLE.
func dialIdle(b *testing.B, kind, addr string) *testClient {
	b.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	if kind == "tls" {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	c := &testClient{t: b, nc: nc, r: bufio.NewReader(nc)}
	c.expect("* OK ...")
	c.cmd("LOGIN "+testLogin+" "+testPassword, "OK ...")
	c.cmd("SELECT INBOX", "OK ...")
	c.send("i IDLE\r\n")
	c.expect("+ Idling")
	return c
}

// BenchmarkIdleNotify tells how long it takes until all of many connections in IDLE on one mailbox have heard of a new
// message, from the begin of its delivery on. Clients and server share the processors.
func BenchmarkIdleNotify(b *testing.B) {
	st := newStore(b, b.TempDir())
	addr := serveTCP(b, st, false)
	heard := make(chan time.Time, idleConnections)
	for range idleConnections {
		c := dialIdle(b, "plain", addr)
		b.Cleanup(func() { c.nc.Close() })
		go func() {
			for {
				if _, err := c.r.ReadSlice('\n'); err != nil {
					return
				}
				heard <- time.Now()
			}
		}()
	}
	acc, err := st.Open(b.Context(), testAccount)
	if err != nil {
		b.Fatal(err)
	}
	defer acc.Close()
	var l []time.Duration
	var delivered time.Duration
	for b.Loop() {
		msg := "Subject: new\r\n\r\n"
		d := store.Delivery{NewMessage: store.NewMessage{Body: strings.NewReader(msg), Size: int64(len(msg))}}
		start := time.Now()
		if _, err := acc.Deliver(b.Context(), store.System, d); err != nil {
			b.Fatal(err)
		}
		delivered += time.Since(start)
		for range idleConnections {
			l = append(l, (<-heard).Sub(start))
		}
	}
	slices.Sort(l)
	b.ReportMetric(l[len(l)/2].Seconds()*1000, "ms-p50")
	b.ReportMetric(l[len(l)*99/100].Seconds()*1000, "ms-p99")
	b.ReportMetric(delivered.Seconds()*1000/float64(b.N), "ms-delivery")
}

// serveTCP serves a store on a loopback socket and returns its address.
func serveTCP(tb testing.TB, st *store.Store, implicitTLS bool) string {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s, served := serve(tb, st, ln, func(o *Options, lo *ListenerOptions) {
		o.Log = logging.New(io.Discard, &logging.Levels{}) // As a server in earnest has.
		if implicitTLS {
			lo.TLS, lo.ImplicitTLS = testTLS(), true
		}
	})
	tb.Cleanup(func() { stopServer(tb, s, served) })
	return ln.Addr().String()
}
