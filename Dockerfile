# Builds the wheel with its dependencies in one stage and keeps only the virtual environment in the other.
# Same entry point as on a bare machine: `citywatch run`. State lives in the volume; stop with `docker stop`.
FROM python:3.11-slim AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/citywatch && /opt/citywatch/bin/pip install --no-cache-dir .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --user-group --create-home --home-dir /var/lib/citywatch citywatch
COPY --from=build /opt/citywatch /opt/citywatch
ENV PATH=/opt/citywatch/bin:$PATH PYTHONUNBUFFERED=1
USER citywatch
WORKDIR /var/lib/citywatch
VOLUME ["/var/lib/citywatch"]
EXPOSE 8600
STOPSIGNAL SIGINT
HEALTHCHECK --interval=10s --timeout=3s --start-period=90s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8600/healthz', timeout=2)"]
ENTRYPOINT ["citywatch", "run"]
CMD ["--data-dir", "/var/lib/citywatch/data", "--host", "0.0.0.0", "--port", "8600"]
