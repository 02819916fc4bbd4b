# Figment in a container; targets: cpu (the service; also what a build without --target gives), train, and gpu (the
# service). See docs/deploy.md. It does without BuildKit's additions, so the classic builder and docker-compose 1.29 build
# it too. The classic builder builds every stage above its target, so what is for the GPU stands last.
ARG BASE_IMAGE=python:3.11-slim-bookworm

# What the lock installs and the service never imports. `import tensorflow` tries Keras and goes on without it.
ARG UNUSED_PACKAGES="\
# tf.keras (31 MB), and what only Keras imports
 keras h5py namex optree rich markdown-it-py mdurl pygments \
# the compiler behind tf.experimental's ahead-of-time tools (62 MB)
 libclang \
# tf.data's service on other machines (19 MB)
 grpcio \
# tools to build packages and to rewrite code for TensorFlow 2
 setuptools wheel google-pasta"

# Files of packages that stay, below site-packages.
ARG UNUSED_FILES="\
# headers (287 MB): nothing is compiled here
 tensorflow/include numpy/_core/include nvidia/*/include \
# sources for compiling a graph ahead of time
 tensorflow/xla_aot_runtime_src \
# tests of packages (NumPy's: 15 MB)
 numpy/tests numpy/*/tests scipy/*/tests scipy/*/*/tests matplotlib/tests"

# The same, of what training may need and the service does not: operations that only graphs converted to XLA or StableHLO
# hold (45 MB); loaded on demand, by those.
ARG UNUSED_OPERATIONS="\
 tensorflow/compiler/tf2xla/ops/_xla_ops.so tensorflow/compiler/mlir/stablehlo/stablehlo_extension.so"

# Libraries whose symbol tables are for debuggers only (245 MB). Not numpy.libs and the like: strip can break libraries
# that were patched for a wheel.
ARG STRIPPED="tensorflow uvloop"

# Run in the finished image, as its user: a model that TensorFlow saves, it also loads and runs, and all else is there.
ARG SMOKE_TEST="\
import tempfile, PIL._webp, httptools, isal, uvloop, opentelemetry.exporter.otlp.proto.http.trace_exporter; \
import service.app, service.cli, service.engine.savedmodel, tensorflow as tf; \
folder = tempfile.TemporaryDirectory(); \
module = tf.Module(); \
module.weights = tf.Variable(tf.ones([4, 4, 2, 3])); \
module.draw = tf.function(lambda latents: {'images': tf.cast(tf.nn.conv2d_transpose( \
    latents, module.weights, [1, 4, 4, 2], 2), tf.uint8)}, [tf.TensorSpec([1, 2, 2, 3], name='latents')]); \
tf.saved_model.save(module, folder.name, signatures=module.draw); \
loaded = tf.saved_model.load(folder.name); \
pixels = loaded.signatures['serving_default'](latents=tf.ones([1, 2, 2, 3]))['images'].numpy(); \
assert pixels.shape == (1, 4, 4, 2) and pixels.max() == 12, pixels; \
folder.cleanup()"

# The same of the image that trains: what a run, its report and its bundle need can be imported.
ARG TRAIN_SMOKE_TEST="\
import keras, matplotlib.pyplot, scipy.spatial, tensorboard.summary.writer.event_file_writer; \
import training.compare, training.doctor, training.export, training.importing, training.lab, training.loop, training.report"


# --- What builds the packages of all targets ---
FROM ${BASE_IMAGE} AS build
# Mirrors and certificates: they act in this stage and stay in it.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
# An address of Debian's packages, instead of the base image's own.
ARG DEBIAN_MIRROR
# The text (PEM) of further certificates to trust.
ARG CA_CERTIFICATES
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
RUN set -eu; \
    if [ -n "${CA_CERTIFICATES:-}" ]; then printf '%s\n' "$CA_CERTIFICATES" >> "$PIP_CERT"; fi; \
    if [ -n "${DEBIAN_MIRROR:-}" ]; then \
      rm -rf /etc/apt/sources.list.d; \
      echo "deb $DEBIAN_MIRROR bookworm main" > /etc/apt/sources.list; \
    fi; \
    apt-get update -qq; \
    apt-get install -y -qq --no-install-recommends binutils; \
    python -m venv --without-pip /venv


# --- The sources, compiled here because the container cannot write ---
FROM ${BASE_IMAGE} AS sources
WORKDIR /app
COPY bundle bundle
COPY service service
RUN chmod -R a+rX . && python -m compileall -q .


# --- What lists the packages of an image: its bill of materials (SBOM), in CycloneDX's format ---
FROM build AS cyclonedx
COPY requirements/sbom.txt /build/
RUN python -m venv --without-pip /sbom \
 && python -m pip --python /sbom/bin/python install --require-hashes -r /build/sbom.txt


# --- What all targets run in ---
FROM ${BASE_IMAGE} AS runtime
LABEL org.opencontainers.image.title="figment" \
      org.opencontainers.image.description="Trains a generative adversarial network, and serves its images over HTTP" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.base.name="python:3.11-slim-bookworm"
# Nothing is to be installed into a running container, so pip, its kin and Python's headers go.
RUN groupadd --gid 10001 figment \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin figment \
 && mkdir /models \
 && find /usr -depth \( -path '*-packages/pip*' -o -path '*-packages/setuptools*' -o -path '*-packages/wheel*' \
      -o -path '*-packages/pkg_resources*' -o -path '*-packages/_distutils_hack*' -o -path '*/python3.11/ensurepip*' \
      -o -path '/usr/share/python-wheels*' -o -path '/usr/local/include/python*' -o -path '*/bin/pip*' -o -path '*/bin/wheel' \
      \) -delete
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
STOPSIGNAL SIGTERM


# --- What the service runs in ---
FROM runtime AS serving
ENV FIGMENT_HOST=0.0.0.0 \
    FIGMENT_PORT=8000 \
    FIGMENT_MODELS=/models
WORKDIR /app
EXPOSE 8000
# Healthy means that images can be asked for; why not stands in `docker inspect`. Docker itself restarts nothing for
# this; where an orchestrator does (Swarm), a service that finds no good model is restarted.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 CMD ["python", "-c", "\
import http.client, os, sys; \
connection = http.client.HTTPConnection('127.0.0.1', int(os.environ['FIGMENT_PORT']), timeout=4); \
connection.request('GET', '/readyz'); \
answer = connection.getresponse(); \
print(answer.read().decode()); \
sys.exit(answer.status != 200)"]
CMD ["python", "-m", "service"]


# --- CPU ---
FROM build AS packages-cpu
ARG UNUSED_PACKAGES
ARG UNUSED_FILES
ARG UNUSED_OPERATIONS
ARG STRIPPED
COPY requirements/service-cpu.txt requirements/otel.txt /build/
RUN python -m pip --python /venv/bin/python install --no-compile --require-hashes \
      -r /build/service-cpu.txt -r /build/otel.txt \
 && python -m pip --python /venv/bin/python uninstall -q -y $UNUSED_PACKAGES \
 && cd /venv/lib/python3.11/site-packages && rm -rf $UNUSED_FILES $UNUSED_OPERATIONS \
 && find $STRIPPED -name '*.so*' -exec strip --strip-unneeded {} + \
 && python -m compileall -q -j 0 .

FROM packages-cpu AS sbom-cpu
COPY --from=cyclonedx /sbom /sbom
RUN /sbom/bin/cyclonedx-py environment --output-reproducible --output-file /sbom.json /venv

FROM serving AS cpu
COPY --from=packages-cpu /venv /venv
COPY --from=sources /app /app
COPY --from=sbom-cpu /sbom.json /app/
ARG SMOKE_TEST
RUN python -c "$SMOKE_TEST"


# --- Training, on the CPU ---
FROM build AS packages-train
ARG UNUSED_FILES
ARG STRIPPED
COPY requirements/training.txt /build/
# libclang: the compiler behind tf.experimental's ahead-of-time tools (62 MB).
RUN python -m pip --python /venv/bin/python install --no-compile --require-hashes -r /build/training.txt \
 && python -m pip --python /venv/bin/python uninstall -q -y libclang \
 && cd /venv/lib/python3.11/site-packages && rm -rf $UNUSED_FILES \
 && find $STRIPPED -name '*.so*' -exec strip --strip-unneeded {} + \
 && python -m compileall -q -j 0 .

FROM packages-train AS sbom-train
COPY --from=cyclonedx /sbom /sbom
RUN /sbom/bin/cyclonedx-py environment --output-reproducible --output-file /sbom.json /venv

FROM ${BASE_IMAGE} AS training-sources
WORKDIR /app
COPY bundle bundle
COPY training training
RUN chmod -R a+rX . && python -m compileall -q .

FROM runtime AS train
USER 0
RUN mkdir /runs && chown 10001:10001 /runs /models
USER 10001:10001
COPY --from=packages-train /venv /venv
COPY --from=training-sources /app /app
COPY --from=sbom-train /sbom.json /app/
# From here the defaults of the commands, runs and models, are /runs and /models.
WORKDIR /
ENV PYTHONPATH=/app \
    MPLCONFIGDIR=/tmp/matplotlib
ARG TRAIN_SMOKE_TEST
RUN python -c "$TRAIN_SMOKE_TEST" && rm -rf /tmp/matplotlib
ENTRYPOINT ["python", "-m", "training"]
CMD ["--help"]


# --- GPU ---
FROM build AS packages-gpu
ARG UNUSED_PACKAGES
ARG UNUSED_FILES
ARG UNUSED_OPERATIONS
ARG STRIPPED
COPY requirements/service-gpu.txt requirements/otel.txt /build/
RUN python -m pip --python /venv/bin/python install --no-compile --require-hashes \
      -r /build/service-gpu.txt -r /build/otel.txt \
 && python -m pip --python /venv/bin/python uninstall -q -y $UNUSED_PACKAGES \
 && cd /venv/lib/python3.11/site-packages && rm -rf $UNUSED_FILES $UNUSED_OPERATIONS \
 && find $STRIPPED -name '*.so*' -exec strip --strip-unneeded {} + \
 && python -m compileall -q -j 0 .

FROM packages-gpu AS sbom-gpu
COPY --from=cyclonedx /sbom /sbom
RUN /sbom/bin/cyclonedx-py environment --output-reproducible --output-file /sbom.json /venv

FROM serving AS gpu
COPY --from=packages-gpu /venv /venv
COPY --from=sources /app /app
COPY --from=sbom-gpu /sbom.json /app/
ARG SMOKE_TEST
RUN python -c "$SMOKE_TEST"


# --- What a build without --target gives ---
FROM cpu
