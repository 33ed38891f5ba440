from pathlib import Path

from aiohttp import web

routes = web.RouteTableDef()
routes.static("/static", Path(__file__).parent / "static")


@routes.get("/")
async def index(request):
    return web.Response(
        text='<title>Polls</title><link rel="stylesheet" href="/static/polls.css">', content_type="text/html"
    )


@routes.post("/vote")
async def vote(request):
    form = await request.post()
    return web.Response(text=f"voted for {form['choice']}")


app = web.Application()
app.add_routes(routes)

if __name__ == "__main__":
    web.run_app(app)
