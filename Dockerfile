# Snoska in a container: its model inside, no network needed when it runs, no root in it. See docs/install.md.
#   docker build --tag snoska --build-arg TORCH_INDEX=… .
#   docker run --publish 127.0.0.1:7860:7860 --env SNOSKA_AUTH=off \
#       --volume ~/documents:/documents:ro --volume snoska:/index snoska
# It listens on all of the container's addresses, so it starts only with a password (SNOSKA_PASSWORD_HASH, docs/deploy.md)
# or, as above where nobody else reaches what is published, with SNOSKA_AUTH=off.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# A package index that has torch without CUDA; without one it comes from pip's own, on Linux with CUDA, some GB more.
ARG TORCH_INDEX=
# Of pyproject.toml's extras, with spaces between them: milvus, for an index in Milvus; mcp, for SNOSKA_MCP=on.
ARG EXTRAS="milvus mcp"
WORKDIR /source
RUN python3 -m venv /opt/snoska
ENV PATH=/opt/snoska/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY constraints.txt pyproject.toml ./
RUN set -eu; \
    if [ -n "$TORCH_INDEX" ]; then \
        pip install --no-deps --index-url "$TORCH_INDEX" "$(grep '^torch==' constraints.txt)"; \
    fi; \
    python -c 'import sys, tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
wanted = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in sys.argv[1:])]; \
print(*(each for some in wanted for each in some), sep="\n")' $EXTRAS >requirements.txt; \
    pip install --constraint constraints.txt --requirement requirements.txt
COPY README.md LICENSE NOTICE ./
COPY rag rag
RUN pip install --no-deps .

FROM ${BASE}
# Scanned pages: --build-arg OCR= leaves Tesseract out, tesseract-ocr-deu and so on add languages (SNOSKA_OCR).
ARG OCR="tesseract-ocr tesseract-ocr-rus tesseract-ocr-kaz tesseract-ocr-eng"
RUN set -eu; \
    if [ -n "$OCR" ]; then \
        apt-get update; \
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $OCR; \
        rm -rf /var/lib/apt/lists/*; \
    fi; \
    useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/snoska --shell /usr/sbin/nologin snoska; \
    install -d -o snoska -g snoska /index /var/lib/snoska
COPY --from=build /opt/snoska /opt/snoska
COPY app.py /opt/snoska/
COPY seeds /documents
USER snoska
WORKDIR /var/lib/snoska
ENV PATH=/opt/snoska/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    SNOSKA_CACHE=/var/lib/snoska/cache HF_HUB_OFFLINE=1 \
    HOST=0.0.0.0 PORT=7860 DOCUMENTS=/documents INDEX=/index
# The model, whole, by the user who reads it: nothing of it is made when the container runs. The image's first index is
# that of the seeds; a new volume at /index begins with it.
RUN snoska build "$DOCUMENTS" --index "$INDEX" && snoska ask 'How many companies are there?' --index "$INDEX"
VOLUME /index
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "-c", \
    "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/snoska/health\", timeout=8)"]
CMD ["python", "/opt/snoska/app.py"]
