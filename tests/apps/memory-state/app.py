from flask import Flask, redirect, request

app = Flask(__name__)
todos = []


@app.route("/", methods=["GET", "POST"])
def index():
    if request.method == "POST":
        todos.append(request.form["todo"])
        return redirect("/")
    return "<title>To do</title>" + "".join(f"<li>{todo}</li>" for todo in todos)


if __name__ == "__main__":
    app.run(debug=True)
