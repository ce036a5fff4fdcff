# syntax=docker/dockerfile:1
# Two images: `service` (dashboard and ingest, no framework) and `demo` (the service with the three frameworks on the CPU).
# `wheel` has the compiler that the scanner of Kineto JSON is built with.
FROM python:3.11 AS wheel
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONSTRAINT=/src/constraints.txt
WORKDIR /src
COPY pyproject.toml setup.py constraints.txt README.md LICENSE ./
COPY crossprof ./crossprof
RUN python -m pip wheel --no-deps --wheel-dir /wheels .

FROM python:3.11-slim AS service
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONSTRAINT=/src/constraints.txt
WORKDIR /src
COPY constraints.txt ./
COPY --from=wheel /wheels /wheels
RUN python -m pip install "$(echo /wheels/*.whl)[dashboard,gpu]"
RUN useradd --uid 10001 --create-home crossprof && install -d -o crossprof -g crossprof -m 2775 /store
USER crossprof
WORKDIR /home/crossprof
# The container listens on all of its addresses, so `crossprof serve` refuses to start without CROSSPROF_TOKEN.
ENV CROSSPROF_STORE=/store CROSSPROF_HOST=0.0.0.0 CROSSPROF_PORT=8050
VOLUME /store
EXPOSE 8050
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8050/healthz', timeout=4)"]
CMD ["crossprof", "serve"]

FROM service AS demo
USER root
# Where the index at hand has CPU builds of torch, this is the place to name it.
ARG PIP_EXTRA_INDEX_URL=""
WORKDIR /src
RUN PIP_EXTRA_INDEX_URL="$PIP_EXTRA_INDEX_URL" python -m pip install "$(echo /wheels/*.whl)[torch,tensorflow,jax]"
USER crossprof
WORKDIR /home/crossprof
HEALTHCHECK NONE
ENV CROSSPROF_DEMO_SERVE=0
CMD ["crossprof", "demo"]
