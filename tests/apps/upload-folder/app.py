import os

from flask import Flask, redirect, request, send_from_directory
from werkzeug.utils import secure_filename

UPLOAD_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "uploads")

app = Flask(__name__)
app.config["UPLOAD_FOLDER"] = UPLOAD_FOLDER


@app.route("/", methods=["GET", "POST"])
def upload():
    if request.method == "POST":
        file = request.files["file"]
        name = secure_filename(file.filename)
        file.save(os.path.join(app.config["UPLOAD_FOLDER"], name))
        return redirect(f"/uploads/{name}")
    return """<title>Upload</title>
    <form method="post" enctype="multipart/form-data"><input type="file" name="file"></form>"""


@app.route("/uploads/<name>")
def uploaded(name):
    return send_from_directory(app.config["UPLOAD_FOLDER"], name)
