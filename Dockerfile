# An image with mox, for a server on the network of its host, see docs/install.md:
#
#     make release && docker build -t mox .
#
# Configuration and mail are in the volume /mox, as config/ and data/. The parent process is root,
# what it starts is the user mox.
FROM debian:trixie-slim

RUN apt-get update && \
    apt-get install -y --no-install-recommends ca-certificates tzdata && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --home-dir / --shell /usr/sbin/nologin --user-group mox

ARG TARGETARCH
COPY --chmod=0755 dist/mox-linux-${TARGETARCH} /usr/local/bin/mox

ENV MOXCONF=/mox/config/mox.conf
WORKDIR /mox
VOLUME /mox

# SMTP, HTTP, HTTPS, submission over TLS, submission, IMAP over TLS, IMAP.
EXPOSE 25/tcp 80/tcp 443/tcp 465/tcp 587/tcp 993/tcp 143/tcp

STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=2m --interval=1m --timeout=10s CMD ["mox", "loglevels"]

ENTRYPOINT ["mox"]
CMD ["serve"]
