# The programs, the shared libraries that they load, and the certificates of public authorities: nothing else that could
# be run by who gets in, or would have to be kept up to date.
#
#     docker build --build-arg REVISION="$(git rev-parse HEAD)" -t regionfit .
#
# It runs as a user without rights, and writes nothing but what --state names.
ARG BASE=debian:12-slim

FROM ${BASE} AS tools
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates gcc libc6-dev libcurl4-openssl-dev libgnutls28-dev libjansson-dev libmicrohttpd-dev \
        libssl-dev libyaml-dev meson ninja-build pkgconf uthash-dev zlib1g-dev && \
    rm -rf /var/lib/apt/lists/*

FROM tools AS build
COPY . /src
RUN set -eu; \
    meson setup /build /src --prefix=/usr --buildtype=release -Dtests=false; \
    DESTDIR=/image meson install -C /build --strip; \
    rm -r /image/usr/share/man; \
    install -D -m 644 /src/LICENSE /image/usr/share/doc/regionfit/LICENSE; \
    install -D -m 644 -t /image/etc/ssl/certs /etc/ssl/certs/ca-certificates.crt; \
    echo 'nonroot:x:65532:65532:nonroot:/:/nonexistent' >/image/etc/passwd; \
    echo 'nonroot:x:65532:' >/image/etc/group; \
    echo 'hosts: files dns' >/image/etc/nsswitch.conf
# The libraries, the loader among them; regionfit-alone has no others. With each goes what its package says of its licence, and the package's entry in
# dpkg's database, by which scanners know its version.
RUN set -eu; \
    ldd /image/usr/bin/regionfit | sed -n 's|^[^/]*\(/[^ ]*\) (0x.*|\1|p' >/libraries; \
    echo ca-certificates >/packages; \
    while read -r library; do \
        install -D -m 755 "$library" "/image$library"; \
        dpkg-query -S "*/$(basename "$(readlink -f "$library")")" | sed -n '1s/:.*//p' | grep . >>/packages; \
    done </libraries; \
    mkdir -p /image/var/lib/dpkg/status.d; \
    sort -u /packages | while read -r package; do \
        install -D -m 644 -t "/image/usr/share/doc/$package" "/usr/share/doc/$package/copyright"; \
        dpkg-query -s "$package" >"/image/var/lib/dpkg/status.d/$package"; \
    done

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="regionfit" \
      org.opencontainers.image.description="A mutating admission webhook that places GPU pods in the first region whose GPU model and remaining quota fit" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image /
USER 65532:65532
ENTRYPOINT ["/usr/bin/regionfit"]
CMD ["serve"]
