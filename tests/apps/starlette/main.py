from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

templates = Jinja2Templates(directory="templates")


async def homepage(request: Request) -> Response:
    return templates.TemplateResponse(request, "index.html", {"name": "world"})


async def greet(request: Request) -> Response:
    form = await request.form()
    return templates.TemplateResponse(request, "index.html", {"name": form["name"]})


app = Starlette(
    debug=True,
    routes=[
        Route("/", homepage),
        Route("/", greet, methods=["POST"]),
        Mount("/static", StaticFiles(directory="static"), name="static"),
    ],
)
