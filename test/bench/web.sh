#!/bin/sh
# Measures mox and nginx as web servers in alternation with wrk: a static file of 1 KB and
# of 1 MB, and a small response of another server passed on, each with and without TLS.
# Printed are the medians of the rounds in requests per second, and the median of what the
# rounds have as ratio.
#
#   sh test/bench/web.sh
#
#   ROUNDS     how often each is measured (3)
#   DURATION   how many seconds each time (5)
#   ROWS       what is measured (small large default proxy small-tls large-tls default-tls proxy-tls)
#   MOX        the program (built if not given)
#   WEB_DIR    where configurations, files and logs are kept ($TMPDIR/mox-bench-web)
#   WEB_PORT   first of six ports on 127.0.0.1 (18080)
#
# nginx is as Debian has it (worker_processes auto, sendfile, tcp_nopush), without access
# log, as mox here. It passes requests on in two ways: with connections to the other server
# that are kept, which takes settings for each upstream, as mox does without any; and as it
# does by default, with HTTP/1.0 and a new connection for each request. The other server is
# a second nginx. A row that a program does not serve shows "-".
set -eu
here=$(cd "$(dirname "$0")" && pwd)
ROUNDS=${ROUNDS:-3}
DURATION=${DURATION:-5}
dir=${WEB_DIR:-${TMPDIR:-/tmp}/mox-bench-web}
port=${WEB_PORT:-18080}
mox_http=$port mox_https=$((port + 1)) nginx_http=$((port + 2)) nginx_https=$((port + 3)) upstream=$((port + 4)) metrics=$((port + 5))

fail() {
	echo "test/bench/web.sh: $*" >&2
	exit 1
}
for program in nginx wrk curl; do
	command -v $program >/dev/null || fail "$program is missing, run: sh test/setup.sh"
done

pids=
# shellcheck disable=SC2086
stop() { [ -z "$pids" ] || kill $pids 2>/dev/null || true; }
trap stop EXIT
trap 'exit 130' INT TERM

rm -rf "$dir"
mkdir -p "$dir/www" "$dir/tmp"
if [ -z "${MOX:-}" ]; then
	MOX=$dir/mox
	(cd "$here/../.." && CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$MOX" .)
fi

# The files do not get smaller, so that nobody's compression matters.
head -c 768 /dev/urandom | base64 -w 0 >"$dir/www/small.html"
head -c 1048576 /dev/urandom >"$dir/www/large.bin"
chmod -R a+rX "$dir"

"$MOX" localserve --dir "$dir/mox.d" --initonly >/dev/null
cat >"$dir/mox.d/mox.conf" <<EOF
DataDir: data
LogLevel: error
Hostname: localhost
AdminPasswordFile: adminpasswd
Listeners:
	local:
		IPs:
			- 127.0.0.1
		TLS:
			KeyCerts:
				-
					CertFile: localhost.crt.pem
					KeyFile: localhost.key.pem
		MetricsHTTP:
			Enabled: true
			Port: $metrics
		WebserverHTTP:
			Enabled: true
			Port: $mox_http
			RateLimitDisabled: true
		WebserverHTTPS:
			Enabled: true
			Port: $mox_https
			RateLimitDisabled: true
Postmaster:
	Account: mox
	Mailbox: Inbox
EOF
cat >>"$dir/mox.d/domains.conf" <<EOF
WebHandlers:
	-
		Domain: localhost
		PathRegexp: ^/proxy/
		DontRedirectPlainHTTP: true
		AccessLog: none
		WebForward:
			URL: http://127.0.0.1:$upstream
	-
		Domain: localhost
		PathRegexp: ^/
		DontRedirectPlainHTTP: true
		AccessLog: none
		WebStatic:
			Root: $dir/www
EOF

# nginx_conf NAME prints what both nginx have in common, and their servers from stdin.
nginx_conf() {
	# As root the workers would be somebody who may not read here.
	[ "$(id -u)" != 0 ] || echo "user root;"
	cat <<EOF
daemon off;
worker_processes auto;
pid $dir/$1.pid;
error_log $dir/$1.log;
events { worker_connections 768; }
http {
	sendfile on;
	tcp_nopush on;
	types_hash_max_size 2048;
	server_tokens off;
	default_type application/octet-stream;
	include /etc/nginx/mime.types;
	ssl_protocols TLSv1.2 TLSv1.3;
	ssl_prefer_server_ciphers on;
	access_log off;
	keepalive_requests 1000000;
	client_body_temp_path $dir/tmp/$1-body;
	proxy_temp_path $dir/tmp/$1-proxy;
	fastcgi_temp_path $dir/tmp/$1-fastcgi;
	uwsgi_temp_path $dir/tmp/$1-uwsgi;
	scgi_temp_path $dir/tmp/$1-scgi;
$(cat)
}
EOF
}
nginx_conf nginx >"$dir/nginx.conf" <<EOF
	upstream other { server 127.0.0.1:$upstream; keepalive 64; keepalive_requests 1000000; }
	server {
		listen 127.0.0.1:$nginx_http;
		listen 127.0.0.1:$nginx_https ssl http2;
		server_name localhost;
		ssl_certificate $dir/mox.d/localhost.crt.pem;
		ssl_certificate_key $dir/mox.d/localhost.key.pem;
		root $dir/www;
		location /proxy/ {
			proxy_pass http://other;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
			proxy_set_header X-Forwarded-Proto \$scheme;
		}
		location /default/ {
			proxy_pass http://127.0.0.1:$upstream;
			proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
			proxy_set_header X-Forwarded-Proto \$scheme;
		}
	}
EOF
nginx_conf upstream >"$dir/upstream.conf" <<EOF
	server {
		listen 127.0.0.1:$upstream;
		location / { default_type text/plain; return 200 "A small response of another server.\n"; }
	}
EOF

start() { # LOG COMMAND...
	log=$1
	shift
	"$@" >>"$dir/$log" 2>&1 </dev/null &
	pids="$pids $!"
}
start upstream.log nginx -e "$dir/upstream.log" -c "$dir/upstream.conf"
start nginx.log nginx -e "$dir/nginx.log" -c "$dir/nginx.conf"
start mox.log "$MOX" localserve --dir "$dir/mox.d"

# await URL waits until something answers, whatever it is.
await() {
	i=0
	until curl -sk --max-time 2 -o "$dir/tmp/answer" "$1"; do
		i=$((i + 1))
		[ $i -lt 100 ] || fail "no answer from $1, see the logs in $dir"
		sleep 0.1
	done
}
for p in $upstream $nginx_http $mox_http; do await "http://localhost:$p/"; done
for p in $nginx_https $mox_https; do await "https://localhost:$p/"; done
# What was written just now is not kept by a cache.
sleep 3

# measure NAME URL appends "NAME requests-per-second" to the results of a row.
measure() {
	if [ "$(curl -sk -o "$dir/tmp/answer" -w '%{http_code}' "$2")" != 200 ]; then
		return
	fi
	wrk -t1 -c50 -d"${DURATION}s" "$2" >"$dir/tmp/wrk"
	if grep -q 'Non-2xx' "$dir/tmp/wrk"; then
		echo "$2: $(grep Non-2xx "$dir/tmp/wrk")" >&2
		return
	fi
	awk -v name="$1" '$1 == "Requests/sec:" { print name, $2 }' "$dir/tmp/wrk" >>"$dir/$row.results"
}

rows=${ROWS:-small large default proxy small-tls large-tls default-tls proxy-tls}
round=1
while [ "$round" -le "$ROUNDS" ]; do
	for row in $rows; do
		case $row in
		small*) path=/small.html their_path=/small.html ;;
		large*) path=/large.bin their_path=/large.bin ;;
		default*) path=/proxy/x their_path=/default/x ;;
		proxy*) path=/proxy/x their_path=/proxy/x ;;
		esac
		case $row in
		*-tls) theirs=https://localhost:$nginx_https ours=https://localhost:$mox_https ;;
		*) theirs=http://localhost:$nginx_http ours=http://localhost:$mox_http ;;
		esac
		echo "round $round of $ROUNDS: $row" >&2
		# Neither is always the one that the machine is fresh for.
		if [ $((round % 2)) = 1 ]; then
			measure nginx "$theirs$their_path"
			measure mox "$ours$path"
		else
			measure mox "$ours$path"
			measure nginx "$theirs$their_path"
		fi
	done
	round=$((round + 1))
done

# median prints the one in the middle of the numbers it reads, "-" if there are none.
median() {
	sort -n | awk '{ v[NR] = $1 } END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2; else print "-" }'
}
figures() { # NAME
	awk -v name="$1" '$1 == name { print $2 }' "$dir/$row.results"
}
# ratios prints for each round how mox compares with nginx, in percent: what slows the
# machine down for a while then concerns both.
ratios() {
	awk '{ v[$1, ++n[$1]] = $2 } END { for (i = 1; ("nginx", i) in v && ("mox", i) in v; i++) print 100 * v["mox", i] / v["nginx", i] }' "$dir/$row.results"
}
printf '%-32s %12s %12s %8s %8s\n' "requests per second" nginx mox ratio goal
for row in $rows; do
	case $row in
	small) title="static file, 1 KB" ;;
	large) title="static file, 1 MB" ;;
	default) title="proxied small response" ;;
	proxy) title="... nginx with kept connections" ;;
	small-tls) title="static file, 1 KB, TLS" ;;
	large-tls) title="static file, 1 MB, TLS" ;;
	default-tls) title="proxied small response, TLS" ;;
	proxy-tls) title="... nginx with kept connections" ;;
	esac
	case $row in
	default* | proxy*) goal=80 ;;
	*) goal=60 ;;
	esac
	touch "$dir/$row.results"
	printf '%s|%s|%s|%s|%s\n' "$title" "$(figures nginx | median)" "$(figures mox | median)" "$(ratios | median)" "$goal"
done | awk -F '|' 'function whole(s) { return s == "-" ? s : sprintf("%.0f", s) }
	{ printf "%-32s %12s %12s %7s%% %7d%%\n", $1, whole($2), whole($3), whole($4), $5 }'
