# The image of the worker and of the API (`dispatcher api`). EXTRAS="monitoring" adds Flower.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ARG EXTRAS=""
WORKDIR /src
RUN python -m venv --without-pip /opt/dispatcher
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY templates templates
COPY docs/examples docs/examples
COPY dispatcher dispatcher
# Every version is the tested one, the build backend's included.
RUN python -m pip install --no-cache-dir --quiet --constraint constraints.txt --upgrade pip \
 && python -m pip wheel --no-cache-dir --quiet --no-deps --build-constraint constraints.txt --wheel-dir /dist . \
 && python -m pip --python /opt/dispatcher/bin/python install --no-cache-dir --quiet \
      --constraint constraints.txt "$(echo /dist/*.whl)${EXTRAS:+[$EXTRAS]}"

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="notification-dispatcher" \
      org.opencontainers.image.description="Tells people that their password changed when their organization wants it" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/dispatcher /opt/dispatcher
ENV PATH=/opt/dispatcher/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# Numeric, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /tmp
STOPSIGNAL SIGTERM
# Alive, whatever else is away: some orchestrators kill what is not healthy. `--ready` asks for more.
HEALTHCHECK --interval=15s --timeout=10s --start-period=20s --retries=3 \
  CMD dispatcher health
CMD ["celery", "-A", "dispatcher", "worker"]
