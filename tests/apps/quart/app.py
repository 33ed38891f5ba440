from quart import Quart, render_template, request, websocket

app = Quart(__name__)


@app.route("/", methods=["GET", "POST"])
async def index():
    form = await request.form
    return await render_template("index.html", name=form.get("name", "World"))


@app.websocket("/ws")
async def ws():
    while True:
        await websocket.send(f"you said {await websocket.receive()}")


if __name__ == "__main__":
    app.run()
