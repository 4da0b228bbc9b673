# One image for every role: `portcall run producer|router|deliverer|recorder|management`.
#
# The base is pinned by its tag; to pin it by digest as well, build with
#     --build-arg PYTHON_IMAGE=python:3.14-slim@sha256:<digest>
# Behind a proxy with a CA of its own, or with an index of your own, hand them on as secrets, which
# leave nothing in the image:
#     --secret id=ca,src=ca.pem --secret id=pip.conf,src=pip.conf
# --build-arg PORTCALL_VERSION=... and PORTCALL_REVISION=... become labels.
ARG PYTHON_IMAGE=python:3.14-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_CONFIG_FILE=/run/secrets/pip.conf
WORKDIR /src
RUN python -m venv /opt/build && python -m venv --without-pip /opt/portcall
COPY requirements/tracing.txt requirements/build.txt requirements/
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip.conf \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && /opt/build/bin/pip --python /opt/portcall/bin/python install --no-compile --require-hashes \
        --requirement requirements/tracing.txt \
    && /opt/build/bin/pip install --require-hashes --requirement requirements/build.txt
COPY . .
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
    && /opt/build/bin/pip --python /opt/portcall/bin/python install --no-compile --no-deps --no-index /dist/*.whl
# What no role reads: debugging symbols of libraries, their C sources, their own tests, setuptools,
# which hdrhistogram's pbr names but needs only to be built, and pygments' lexers, which rich loads only
# to colour code.
RUN { command -v strip >/dev/null || { apt-get update && apt-get install --yes --no-install-recommends binutils; } \
        || echo "binutils cannot be had: the image keeps debugging symbols, about 30 MB" >&2; } \
    && { ! command -v strip >/dev/null || find /opt/portcall -name '*.so*' -exec strip --strip-unneeded {} +; } \
    && find /opt/portcall -regextype egrep -regex '.*\.(pyx|pxd|c|h)' -delete \
    && cd /opt/portcall/lib/python3*/site-packages \
    && rm -rf sqlalchemy/testing setuptools setuptools-* _distutils_hack distutils-precedence.pth pkg_resources \
    && find pygments/lexers -name '*.py' ! -name __init__.py ! -name _mapping.py -delete \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/portcall

# The file system of the image: the few files of the base that Portcall needs.
COPY scripts/image_root.py /
COPY scripts/portcall-probe /usr/local/bin/
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin portcall \
    && python /image_root.py /root.image \
    && install --directory --owner=portcall --mode=0700 /root.image/var/lib/portcall

FROM scratch
ARG PORTCALL_REVISION=
ARG PORTCALL_VERSION=
LABEL org.opencontainers.image.title="Portcall" \
    org.opencontainers.image.description="Webhooks for any container registry: routed, retried, recorded, over RabbitMQ." \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${PORTCALL_VERSION}" \
    org.opencontainers.image.revision="${PORTCALL_REVISION}"
COPY --from=build /root.image /
COPY --from=build /opt/portcall /opt/portcall
# A key that was made inside a container would be lost with it, so it must come from outside.
ENV PATH=/opt/portcall/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 \
    PORTCALL_ENCRYPTION_KEY_FILE=/run/secrets/portcall-encryption-key \
    PYTHONDONTWRITEBYTECODE=1 \
    PORTCALL_HOME=/tmp/portcall \
    PORTCALL_HEALTH_BIND=0.0.0.0:9000 \
    PORTCALL_INSECURE_BIND=health \
    PORTCALL_LOG_FORMAT=json
USER 10001
EXPOSE 8400 8401 8443 9000
# Live, not ready: an engine that ends unhealthy containers must not do so because the broker is away.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["portcall-probe", "9000", "/live"]
ENTRYPOINT ["portcall"]
CMD ["--help"]
