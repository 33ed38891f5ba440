"""A small FastAPI app with a websocket and a stream; its file `marker` tells revisions apart."""

import asyncio
import os
from pathlib import Path

from fastapi import FastAPI, WebSocket
from fastapi.responses import PlainTextResponse, StreamingResponse

app = FastAPI()
MARKER = (Path(__file__).parent / "marker").read_text().strip()


@app.get("/", response_class=PlainTextResponse)
async def index():
    return f"{MARKER}\n"


@app.get("/healthz", response_class=PlainTextResponse)
async def healthz():
    return "ok\n"


@app.get("/worker", response_class=PlainTextResponse)
async def worker():
    return (Path(os.environ["DATA_DIR"]) / "worker").read_text()


@app.get("/stream")
async def stream(count: int = 5, pause: float = 0.2):
    async def parts():
        for number in range(count):
            yield f"part {number}\n"
            await asyncio.sleep(pause)

    return StreamingResponse(parts(), media_type="text/plain")


@app.websocket("/echo")
async def echo(socket: WebSocket):
    await socket.accept()
    while True:
        await socket.send_text(f"{MARKER}: {await socket.receive_text()}")
