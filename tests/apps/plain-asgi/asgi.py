async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    body = (await receive()).get("body", b"")
    answer = b"you sent " + body if scope["method"] == "POST" else b"Hello, ASGI!"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": answer})
