# syntax=docker/dockerfile:1
# stackcast in a container: built from source, run by nobody in particular, on a file system that may be read-only.
#
#   docker build -t stackcast:0.1.0 .
#   docker run --rm --read-only --tmpfs /tmp --cap-drop ALL -p 127.0.0.1:9180:9180 stackcast:0.1.0 demo
#
# Both base images are build arguments: mirror them, pin them by digest, or put your own in their place.
ARG BUILD_IMAGE=docker.io/library/rust:1.95-bookworm
ARG BASE_IMAGE=docker.io/library/debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
# Dependencies are a layer of their own: a change of the source compiles the source only. Benches are named in Cargo.toml
# and have to exist; nothing of them is compiled.
COPY benches benches
RUN mkdir src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
    && cargo build --locked --profile dist --bin stackcast
COPY src src
# `stackcast render alertmanager` and `stackcast systemd-unit` carry the files that they print.
COPY alertmanager alertmanager
COPY examples/systemd examples/systemd
RUN touch src/main.rs src/lib.rs && cargo build --locked --profile dist --bin stackcast \
    && mkdir -p /out/bin /out/data && cp target/dist/stackcast /out/bin/

# Nothing is run in this stage, so the base needs no package manager; it needs glibc, and bash for the compose file's choice.
FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="stackcast" \
      org.opencontainers.image.description="The Prometheus exporter for OpenStack that sees ahead" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The authorities that are trusted without `cacert` in clouds.yaml; the slim base has none.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/bin/stackcast /usr/local/bin/stackcast
# A number, not a name: Kubernetes' runAsNonRoot cannot tell what a name is. A new volume takes over the owner.
COPY --from=build --chown=65532:65532 /out/data /var/lib/stackcast
USER 65532:65532
# Inside a container, loopback would be nobody's. What is published, and to whom, is said outside.
# The data go one level down: stackcast refuses a directory that everybody may enter, as mounted volumes often are.
ENV STACKCAST_EXPOSE__LISTEN_ADDRESSES=0.0.0.0:9180 \
    STACKCAST_DATA__DIRECTORY=/var/lib/stackcast/data
VOLUME /var/lib/stackcast
EXPOSE 9180
STOPSIGNAL SIGTERM
# Alive, not ready: a cloud that is down must not restart its watcher. It asks where the variables above and stackcast.toml
# say; an address given to `serve` by a flag is not known here, and where client certificates are required it has none.
HEALTHCHECK --interval=30s --timeout=5s --start-period=2m --retries=3 CMD ["/usr/local/bin/stackcast", "health"]
ENTRYPOINT ["/usr/local/bin/stackcast"]
CMD ["serve"]
