import os
import time
from pathlib import Path

from flask import Flask, request

app = Flask(__name__)
data = Path(os.environ["DATA_DIR"])


@app.post("/jobs")
def add():
    (data / "jobs").mkdir(exist_ok=True)
    (data / "jobs" / request.form["name"]).write_text("to do")
    return "queued", 202


@app.get("/jobs/<name>")
def look(name):
    for _ in range(50):
        if (words := (data / "jobs" / name).read_text()) != "to do":
            return words
        time.sleep(0.1)
    return "still to do", 504


@app.get("/")
def index():
    return "Queue"
