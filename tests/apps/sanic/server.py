from sanic import Sanic
from sanic.response import html, text

app = Sanic("Kitchen")
app.static("/static/", "./static")


@app.get("/")
async def index(request):
    return html('<title>Kitchen</title><link rel="stylesheet" href="/static/kitchen.css">')


@app.post("/cook")
async def cook(request):
    return text(f"cooking {request.form.get('dish')}")


if __name__ == "__main__":
    app.run()
