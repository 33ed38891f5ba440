"""A small Flask app; its file `marker` tells revisions apart."""

import os
import time
from pathlib import Path

from flask import Flask, jsonify, request

app = Flask(__name__)
MARKER = (Path(__file__).parent / "marker").read_text().strip()


@app.get("/")
def index():
    return f"{MARKER} {os.environ.get('COLOR', '')}\n"


@app.get("/healthz")
def healthz():
    return "ok\n"


@app.get("/env/<name>")
def env(name):
    return os.environ.get(name, "")


@app.get("/headers")
def headers():
    return jsonify({"remote": request.remote_addr, **dict(request.headers)})


@app.get("/slow/<float:seconds>")
def slow(seconds):
    time.sleep(seconds)
    return f"{MARKER}\n"


@app.post("/size")
def size():
    return str(len(request.get_data()))


@app.post("/write")
def write():
    """Where the app can write: its data directory and /tmp, and nowhere else."""
    found = {}
    for name, folder in (("data", os.environ["DATA_DIR"]), ("tmp", "/tmp"), ("tree", str(Path(__file__).parent))):
        try:
            (Path(folder) / "written").write_text("x")
            found[name] = True
        except OSError:
            found[name] = False
    return jsonify(found)
