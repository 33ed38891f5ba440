from importlib.metadata import version

from flask import Flask, request

app = Flask(__name__)


@app.route("/", methods=["GET", "POST"])
def index():
    return f"itsdangerous {version('itsdangerous')} {request.form.get('word', '')}"
