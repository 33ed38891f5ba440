from flask import Flask, jsonify, request

app = Flask(__name__)


@app.get("/")
def index():
    return '<title>Catalog</title><link rel="stylesheet" href="/static/catalog.css">'


@app.post("/search")
def search():
    return jsonify(found=[word for word in ("apple", "pear") if request.get_json()["word"] in word])
