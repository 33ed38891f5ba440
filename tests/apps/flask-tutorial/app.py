from flask import Flask, request

app = Flask(__name__)


@app.route("/", methods=["GET", "POST"])
def hello():
    return f"""<link rel="stylesheet" href="/static/style.css"><h1>Hello, {request.form.get("name", "World")}!</h1>
<form method="post"><input name="name"></form>"""


if __name__ == "__main__":
    app.run()
