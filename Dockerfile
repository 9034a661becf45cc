# A listener, and every other verb of `ingest`, without the embedded Postgres:
#
#   docker build -t ingest-listener .
#   docker run --rm -e INGEST_DATABASE_URL=postgresql://… ingest-listener migrate
#   docker run -e INGEST_DATABASE_URL=postgresql://… -v /srv/docs:/srv/docs:ro -e INGEST_FILE_ROOTS=/srv/docs ingest-listener
#
# The Python packages are those of deploy/packages, by their hashes; deploy/packages/lock writes these lists. An extra that has a list of
# its own there: --build-arg EXTRAS=opik. The base image can be pinned: deploy/pin-images prints
#
#   docker build --build-arg PYTHON_IMAGE=python:3.12-slim@sha256:… -t ingest-listener .

ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY deploy/packages deploy/packages
RUN pip install --no-cache-dir --require-hashes --only-binary :all: --requirement deploy/packages/build.txt
# The environment gets neither pip nor the tests that packages bring. It keeps their bytecode: without it, a root file system
# that is read-only would have everything compiled at each start and at each health check.
ARG EXTRAS=
RUN python -m venv --without-pip /opt/ingest \
    && pip --python /opt/ingest/bin/python install --no-cache-dir --require-hashes --only-binary :all: \
        --requirement "deploy/packages/image${EXTRAS:+-$EXTRAS}.txt"
COPY pyproject.toml README.md LICENSE ./
COPY listener listener
COPY sql sql
RUN pip wheel --no-cache-dir --no-deps --no-index --no-build-isolation --wheel-dir /wheels . \
    && pip --python /opt/ingest/bin/python install --no-cache-dir --no-deps --no-index /wheels/*.whl \
    && pip --python /opt/ingest/bin/python check \
    && find /opt/ingest -type d -name tests -prune -exec rm -rf {} +

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 ingest \
    && useradd --uid 10001 --gid ingest --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ingest
COPY --from=build /opt/ingest /opt/ingest
ENV PATH=/opt/ingest/bin:$PATH
# As numbers: Kubernetes' runAsNonRoot understands no names.
USER 10001:10001
WORKDIR /tmp
STOPSIGNAL SIGTERM
# In good health is who beats: `ingest health --help`. A check costs half a second of CPU.
HEALTHCHECK --interval=30s --timeout=10s --retries=3 --start-period=60s --start-interval=2s CMD ["ingest", "health"]
ENTRYPOINT ["ingest"]
CMD ["listen"]
