package dns_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	mdns "github.com/miekg/dns"

	"mox/dns"
)

// zoneServer is a recursive resolver on loopback, over UDP and TCP, that answers from a
// zone.
type zoneServer struct {
	ctx  context.Context
	zone *dns.MemResolver
	addr string
}

func startZoneServer(t *testing.T, zone *dns.MemResolver) *zoneServer {
	t.Helper()
	pc, l, err := listenBoth()
	for range 10 { // The port may be taken for TCP.
		if err == nil {
			break
		}
		pc, l, err = listenBoth()
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &zoneServer{t.Context(), zone, pc.LocalAddr().String()}
	for _, srv := range []*mdns.Server{{PacketConn: pc, Handler: s}, {Listener: l, Handler: s}} {
		started := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(started) }
		go srv.ActivateAndServe()
		<-started
		t.Cleanup(func() { srv.Shutdown() })
	}
	return s
}

// listenBoth listens on one port for UDP and TCP.
func listenBoth() (net.PacketConn, net.Listener, error) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	l, err := net.Listen("tcp", pc.LocalAddr().String())
	if err != nil {
		pc.Close()
		return nil, nil, err
	}
	return pc, l, nil
}

// dial connects to the server in place of that of the system.
func (s *zoneServer) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, s.addr)
}

func (s *zoneServer) ServeDNS(w mdns.ResponseWriter, req *mdns.Msg) {
	q := req.Question[0]
	resp := new(mdns.Msg).SetReply(req)
	resp.RecursionAvailable = true

	// The chain of aliases comes first.
	at := strings.TrimSuffix(strings.ToLower(q.Name), ".")
	for q.Qtype != mdns.TypeCNAME && len(resp.Answer) < 20 {
		target, ok := s.zone.CNAME[at]
		if !ok {
			break
		}
		resp.Answer = append(resp.Answer, &mdns.CNAME{Hdr: s.header(at, mdns.TypeCNAME), Target: target + "."})
		at = target
	}

	rrs, res, err := s.records(q.Qtype, q.Name, at)
	resp.Answer = append(resp.Answer, rrs...)
	switch {
	case dns.IsTemporary(err):
		resp.Rcode, resp.Answer = mdns.RcodeServerFailure, nil
	case err != nil:
		resp.Ns = []mdns.RR{&mdns.SOA{Hdr: s.header("example.org", mdns.TypeSOA), Ns: "ns.example.org.", Mbox: "h.example.org.", Minttl: uint32(s.zone.TTL.Seconds())}}
		if !s.exists(at) {
			resp.Rcode = mdns.RcodeNameError
		}
	}
	resp.AuthenticatedData = res.Authentic && req.AuthenticatedData
	if _, ok := w.RemoteAddr().(*net.UDPAddr); ok {
		size := uint16(512)
		if opt := req.IsEdns0(); opt != nil {
			size = opt.UDPSize()
		}
		resp.Truncate(int(size))
	}
	w.WriteMsg(resp)
}

// exists tells whether there is a record of a type of the tests at a name.
func (s *zoneServer) exists(name string) bool {
	z := s.zone
	return z.A[name] != nil || z.AAAA[name] != nil || z.MX[name] != nil || z.TXT[name] != nil || z.CNAME[name] != ""
}

func (s *zoneServer) header(name string, typ uint16) mdns.RR_Header {
	return mdns.RR_Header{Name: name + ".", Rrtype: typ, Class: mdns.ClassINET, Ttl: uint32(s.zone.TTL.Seconds())}
}

// records looks name up and returns its records as those of owner.
func (s *zoneServer) records(typ uint16, name, owner string) (l []mdns.RR, res dns.Result, err error) {
	h := s.header(owner, typ)
	switch typ {
	case mdns.TypeA, mdns.TypeAAAA:
		network := "ip4"
		if typ == mdns.TypeAAAA {
			network = "ip6"
		}
		var ips []netip.Addr
		ips, res, err = s.zone.LookupIP(s.ctx, network, name)
		for _, ip := range ips {
			if typ == mdns.TypeA {
				l = append(l, &mdns.A{Hdr: h, A: ip.AsSlice()})
			} else {
				l = append(l, &mdns.AAAA{Hdr: h, AAAA: ip.AsSlice()})
			}
		}
	case mdns.TypeCNAME:
		var target string
		if target, res, err = s.zone.LookupCNAME(s.ctx, name); err == nil {
			l = append(l, &mdns.CNAME{Hdr: h, Target: target})
		}
	case mdns.TypeMX:
		var mxs []net.MX
		mxs, res, err = s.zone.LookupMX(s.ctx, name)
		for _, mx := range mxs {
			l = append(l, &mdns.MX{Hdr: h, Preference: mx.Pref, Mx: mx.Host})
		}
	case mdns.TypeNS:
		var nss []net.NS
		nss, res, err = s.zone.LookupNS(s.ctx, name)
		for _, ns := range nss {
			l = append(l, &mdns.NS{Hdr: h, Ns: ns.Host})
		}
	case mdns.TypeSRV:
		var srvs []net.SRV
		srvs, res, err = s.zone.LookupSRV(s.ctx, name)
		for _, srv := range srvs {
			l = append(l, &mdns.SRV{Hdr: h, Priority: srv.Priority, Weight: srv.Weight, Port: srv.Port, Target: srv.Target})
		}
	case mdns.TypeCAA:
		var caas []dns.CAA
		caas, res, err = s.zone.LookupCAA(s.ctx, name)
		for _, caa := range caas {
			flag := uint8(0)
			if caa.Critical {
				flag = 128
			}
			l = append(l, &mdns.CAA{Hdr: h, Flag: flag, Tag: caa.Tag, Value: caa.Value})
		}
	case mdns.TypeTXT:
		var txts []string
		txts, res, err = s.zone.LookupTXT(s.ctx, name)
		for _, txt := range txts {
			var parts []string // Strings of at most 255 bytes (RFC 1035 §3.3).
			for len(txt) > 255 {
				parts, txt = append(parts, txt[:255]), txt[255:]
			}
			l = append(l, &mdns.TXT{Hdr: h, Txt: append(parts, txt)})
		}
	case mdns.TypeTLSA:
		var tlsas []dns.TLSA
		tlsas, res, err = s.zone.LookupTLSA(s.ctx, 0, "", name)
		for _, r := range tlsas {
			l = append(l, &mdns.TLSA{Hdr: h, Usage: uint8(r.Usage), Selector: uint8(r.Selector), MatchingType: uint8(r.MatchType), Certificate: hexString(r.CertAssoc)})
		}
	case mdns.TypePTR:
		var names []string
		names, res, err = s.zone.LookupAddr(s.ctx, reverseIP(name))
		for _, n := range names {
			l = append(l, &mdns.PTR{Hdr: h, Ptr: n})
		}
	}
	return l, res, err
}

func hexString(b []byte) string {
	const digits = "0123456789abcdef"
	var s []byte
	for _, c := range b {
		s = append(s, digits[c>>4], digits[c&0xf])
	}
	return string(s)
}

// reverseIP returns the address of a name in in-addr.arpa or ip6.arpa.
func reverseIP(name string) netip.Addr {
	name = strings.TrimSuffix(name, ".")
	if v4, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		p := strings.Split(v4, ".")
		return netip.MustParseAddr(p[3] + "." + p[2] + "." + p[1] + "." + p[0])
	}
	var b strings.Builder
	p := strings.Split(strings.TrimSuffix(name, ".ip6.arpa"), ".")
	for i := range p {
		if i > 0 && i%4 == 0 {
			b.WriteByte(':')
		}
		b.WriteString(p[len(p)-1-i])
	}
	return netip.MustParseAddr(b.String())
}
