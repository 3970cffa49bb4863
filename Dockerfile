# kwek in a container: wheels are made in the first stage, the second holds only what runs.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements/run.lock requirements/run.lock
RUN python -m venv /kwek && /kwek/bin/pip install --no-cache-dir --require-hashes -r requirements/run.lock
COPY . .
RUN /kwek/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --system --create-home --home-dir /var/lib/kwek --shell /usr/sbin/nologin kwek
COPY --from=build /kwek /kwek
USER kwek
WORKDIR /var/lib/kwek
VOLUME /var/lib/kwek
ENV PATH=/kwek/bin:$PATH PYTHONUNBUFFERED=1
# /metrics, /healthz and /readyz, where kwek.toml lets them listen on an address that the outside reaches.
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["kwek"]
CMD ["run", "--config", "/var/lib/kwek/kwek.toml"]
