"""What a visitor reads of a page, and what it sends."""

from tests import visitor
from tests.visitor import Form, Page


def test_a_page_is_its_title_its_own_files_and_its_forms() -> None:
    text = """<title> Shop </title><link rel="stylesheet" href="/a.css"><link rel="canonical" href="/">
    <script src="b.js"></script><script>1</script><img src="c.png"><h1>Welcome</h1>
    <form method="post" action="/buy"><input type="hidden" name="token" value="x"><textarea name="note"></textarea></form>
    <input name="outside">"""
    assert visitor.read(text) == Page(
        "Shop", ["/a.css", "b.js", "c.png"], [Form("/buy", "post", {"token": "x", "note": ""})]
    )


def test_a_page_without_a_title_has_its_first_heading() -> None:
    assert visitor.read("<h1>Hello, <b>World</b></h1><p>more").title == "Hello, World"
    assert visitor.read("just words").title == ""


def test_a_form_with_a_file() -> None:
    assert visitor.multipart({"a": "1"}, {"file": ("x.txt", b"words")}, "--b") == (
        b'----b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'----b\r\nContent-Disposition: form-data; name="file"; filename="x.txt"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\nwords\r\n----b--\r\n"
    )
