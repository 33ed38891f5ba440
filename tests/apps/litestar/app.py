from litestar import Litestar, get, post


@get("/")
async def index() -> str:
    return "Hello, Litestar!"


@post("/sum")
async def add(data: dict[str, int]) -> dict[str, int]:
    return {"sum": sum(data.values())}


app = Litestar([index, add])
