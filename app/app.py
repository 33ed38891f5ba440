"""Launchpad's demo app: a page, a health check and Prometheus metrics."""

import os
import time

from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest, multiprocess

PAGE = """<!doctype html>
<html lang="en">
<title>It flies</title>
<style>
  body {{ font: 18px/1.5 system-ui, sans-serif; color: #1c2733; max-width: 34rem; margin: 18vh auto; padding: 0 1rem }}
  h1 {{ font-size: 2.4rem; margin: 0 }} code {{ background: #eef2f5; padding: .1em .35em; border-radius: 4px }}
</style>
<h1>It flies.</h1>
<p>{greeting}</p>
<p>Release <code>{release}</code>, served by process {pid}.</p>
<p>Health is at <a href="/healthz">/healthz</a>, metrics are at <a href="/metrics">/metrics</a>.</p>
</html>
"""

app = Flask(__name__)
requests_total = Counter("http_requests_total", "Requests by path and status.", ["path", "status"])
request_seconds = Histogram("http_request_seconds", "Seconds until the response was ready.")


@app.before_request
def start_clock() -> None:
    """Remember when the request came in."""
    g.started = time.monotonic()


@app.after_request
def count(response: Response) -> Response:
    """Count the request; unknown paths share one label, so that a scanner cannot grow the metrics."""
    path = request.url_rule.rule if request.url_rule else "(unknown)"
    requests_total.labels(path, str(response.status_code)).inc()
    request_seconds.observe(time.monotonic() - g.started)
    return response


@app.get("/")
def index() -> str:
    """The page that shows which release serves."""
    return PAGE.format(
        greeting=os.environ.get("GREETING", "This page was deployed from a git repository by Launchpad."),
        release=os.environ.get("LAUNCHPAD_RELEASE", "none"),
        pid=os.getpid(),
    )


@app.get("/healthz")
def healthz() -> Response:
    """Whether this process can serve."""
    return Response("ok\n", mimetype="text/plain")


@app.get("/metrics")
def metrics() -> Response:
    """Prometheus metrics of every gunicorn worker together, or of this process when it runs alone."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
        return Response(generate_latest(registry), mimetype=CONTENT_TYPE_LATEST)
    return Response(generate_latest(), mimetype=CONTENT_TYPE_LATEST)
