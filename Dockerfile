# Builds the wheel, installs it with pinned versions, and runs it as nobody in particular. tests/ops/test_install.py
# runs these very RUN steps in a virtual environment of its own.

FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir -c constraints.txt build hatchling
RUN /opt/build/bin/python -m build --wheel --no-isolation --outdir /dist .
RUN python -m venv /opt/warden
RUN /opt/warden/bin/pip install --no-cache-dir -c constraints.txt "$(ls /dist/*.whl)[postgresql]"

FROM python:3.13-slim
COPY --from=build /opt/warden /opt/warden
RUN useradd --system --uid 10001 --home-dir /data warden && mkdir -p /data && chown warden /data
USER warden
WORKDIR /data
VOLUME /data
ENV PATH=/opt/warden/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    WARDEN_HOST=0.0.0.0 \
    WARDEN_PORT=8000 \
    WARDEN_DATABASE_URL=sqlite:////data/warden.db \
    WARDEN_SECRET_KEY_FILE=/data/warden.key
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"WARDEN_PORT\"]}/readyz', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["warden", "serve"]
