from flask import Flask, request

app = Flask(__name__)


@app.route("/", methods=["GET", "POST"])
def index():
    answer = request.form.get("answer", "nothing")
    return f'<title>Poll</title><link rel="stylesheet" href="/static/poll.css">You answered {answer}'
