# One image for every role: `portcall run producer|router|deliverer|recorder|management`.
#
# The base is pinned by its tag; to pin it by digest as well, build with
#     --build-arg PYTHON_IMAGE=python:3.12-slim@sha256:<digest>
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/portcall
COPY requirements/portcall.txt requirements/build.txt requirements/
RUN /opt/portcall/bin/pip install --require-hashes --requirement requirements/portcall.txt \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes --requirement requirements/build.txt
COPY . .
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
    && /opt/portcall/bin/pip install --no-deps --no-index /dist/*.whl

FROM ${PYTHON_IMAGE}
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin portcall \
    && install --directory --owner=10001 --mode=0700 /var/lib/portcall
COPY --from=build /opt/portcall /opt/portcall
# A key that was made inside a container would be lost with it, so it must come from outside.
ENV PATH=/opt/portcall/bin:$PATH \
    PORTCALL_ENCRYPTION_KEY_FILE=/run/secrets/portcall-encryption-key \
    PYTHONDONTWRITEBYTECODE=1 \
    PORTCALL_HOME=/tmp/portcall \
    PORTCALL_HEALTH_BIND=0.0.0.0:9000 \
    PORTCALL_INSECURE_BIND=health \
    PORTCALL_LOG_FORMAT=json
USER 10001
EXPOSE 8400 8401 8443 9000
# Live, not ready: whoever kills what is unhealthy must not do so because the broker is away.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9000/live', timeout=4)"]
ENTRYPOINT ["portcall"]
CMD ["--help"]
