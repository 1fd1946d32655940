"""The API reference as a page, made from our OpenAPI: no script, and nothing of third parties."""

import json
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from jinja2 import Environment
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response


def endpoint(app: FastAPI) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of the page about an app."""

    @cache
    def page() -> tuple[str, str]:
        folder = files(__package__) / "pages"
        style = (folder / "reference.css").read_text(encoding="utf-8")
        template = Environment(autoescape=True, trim_blocks=True).from_string(
            (folder / "reference.html").read_text(encoding="utf-8")
        )
        reference = app.openapi()
        html = template.render(
            info=reference["info"],
            style=Markup(style),  # noqa: S704 - a file of ours
            routes=list(_routes(reference)),
        )
        digest = b64encode(sha256(style.encode()).digest()).decode()
        return html, (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        )

    async def show(_: Request) -> Response:
        html, content_policy = page()
        return HTMLResponse(html, headers={"content-security-policy": content_policy})

    return show


def _routes(reference: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, operations in reference["paths"].items():
        for method, about in operations.items():
            yield {
                "method": method,
                "path": path,
                "anchor": about["operationId"],
                "tag": about.get("tags", ["Other"])[0],
                "meaning": about.get("description") or about.get("summary", ""),
                "parameters": about.get("parameters", ()),
                "responses": about["responses"],
                "curl": _curl(method, path, about),
            }


def _curl(method: str, path: str, about: Mapping[str, Any]) -> str:
    query = "&".join(
        f"{each['name']}={each['schema'].get('enum', ['…'])[0]}"
        for each in about.get("parameters", ())
        if each["in"] == "query" and each.get("required")
    )
    lines = [f'curl -X {method.upper()} "$URL{path}{"?" + query if query else ""}"']
    if about.get("security"):
        lines.append('-H "Authorization: Bearer $TOKEN"')
    for kind, body in about.get("requestBody", {}).get("content", {}).items():
        lines.append(f"-H 'Content-Type: {kind}'")
        if example := body.get("schema", {}).get("example"):
            lines.append(f"-d '{json.dumps(example)}'")
        break
    return " \\\n  ".join(lines)
