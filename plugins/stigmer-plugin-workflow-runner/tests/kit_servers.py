"""Fakes of the servers that the conformance kits call: a petstore, httpbin, an authority, and a shop of their own."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from urllib.parse import parse_qs

import httpx

PET = {"id": 1, "name": "Milou", "status": "available"}
DESCRIPTIONS = Path(__file__).parent / "descriptions"
JSON_TYPE = {"content-type": "application/json"}
CLIENT, SECRET = "runner", "s3cret"  # whom the authority knows


def respond(request: httpx.Request) -> httpx.Response:
    """Answer as the server of the request's host does."""
    servers = {"httpbin.org": httpbin, "authority.example.com": authority, "agent.example.com": agent}
    found = servers.get(request.url.host) or (shop if "shop.example.com" in request.url.host else petstore)
    return found(request)


def petstore(request):
    """Answer as petstore.swagger.io does: version 2 of its description is in `descriptions/`."""
    path = request.url.path
    if path == "/v2/swagger.json":
        return httpx.Response(200, content=(DESCRIPTIONS / "petstore.json").read_bytes(), headers=JSON_TYPE)
    if path == "/v2/pet/findByStatus":
        return httpx.Response(200, json=[{**PET, "status": status} for status in request.url.params.get_list("status")])
    if path == "/v2/pet" and request.method in ("POST", "PUT"):
        return httpx.Response(200, json=json.loads(request.content))
    if path == "/v2/pet/1" and request.method == "POST":
        return httpx.Response(200, json={**PET, **one_of_each(parse_qs(request.content.decode()))})
    if re.fullmatch(r"/v2/pet/\d+", path):
        return httpx.Response(200, json={**PET, "id": int(path.rpartition("/")[2])})
    return httpx.Response(404, json={"message": "not found"})


def shop(request):
    """Answer as an API that OpenAPI 3 and AsyncAPI describe: its operations say what they were called with."""
    name = request.url.path.rpartition("/")[2]
    if name.endswith((".yaml", ".json")):
        return httpx.Response(200, content=(DESCRIPTIONS / name).read_bytes())
    return httpx.Response(200, json=seen(request))


def httpbin(request):
    """Answer as httpbin.org does."""
    path, _, rest = request.url.path.removeprefix("/").partition("/")
    if path in ("basic-auth", "digest-auth", "bearer"):
        return guarded(request, path, rest)
    match path:
        case "status":
            return httpx.Response(int(rest))
        case "redirect-to":
            return httpx.Response(302, headers={"location": request.url.params["url"]})
        case "bytes":
            return httpx.Response(200, content=bytes([255] * int(rest)))
        case "html":
            html, kind = "<p>Größe</p>", "text/html; charset=iso-8859-1"
            return httpx.Response(200, content=html.encode("latin-1"), headers={"content-type": kind})
    return httpx.Response(200, json=seen(request))


def guarded(request, scheme, rest):
    """Answer those who say who they are."""
    given = request.headers.get("authorization", "")
    if scheme == "digest-auth":
        return digest(request, *rest.split("/")[1:3])
    if scheme == "bearer":
        token = given.removeprefix("Bearer ")
        return httpx.Response(200 if token else 401, json={"authenticated": True, "token": token})
    expected = base64.b64encode(rest.replace("/", ":").encode()).decode()
    return httpx.Response(200 if given == f"Basic {expected}" else 401, json={})


def authority(request):
    """Issue a token that says what it was asked for with; to one client, and to whom has a password."""
    if request.url.path == "/.well-known/openid-configuration":
        base = "https://authority.example.com"
        return httpx.Response(200, json={"issuer": base, "token_endpoint": f"{base}/token"})
    form = one_of_each(parse_qs(request.content.decode()))
    if "json" in request.headers["content-type"]:
        form = json.loads(request.content)
    basic = f"Basic {base64.b64encode(f'{CLIENT}:{SECRET}'.encode()).decode()}"
    is_client = (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
    if not is_client and request.headers.get("authorization") != basic and "password" not in form:
        return httpx.Response(401, json={"error": "invalid_client"})
    asked = {key: form[key] for key in ("grant_type", "scope", "audience", "username") if key in form}
    token = base64.urlsafe_b64encode(json.dumps({"path": request.url.path, **asked}, sort_keys=True).encode()).decode()
    return httpx.Response(200, json={"access_token": token, "token_type": "Bearer", "expires_in": 3600})


def agent(request):
    """Answer as an agent (A2A): a message gets itself back, twice in a stream; there is no task."""
    if request.method == "GET":
        return httpx.Response(200, json={"url": "https://agent.example.com/rpc", "preferredTransport": "JSONRPC"})
    asked = json.loads(request.content)
    answer = {"jsonrpc": "2.0", "id": asked["id"], "result": asked["params"].get("message")}
    if asked["method"].startswith("tasks/"):
        answer = {"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32001, "message": "Task not found"}}
    if asked["method"] == "message/stream":
        return httpx.Response(200, content=f"data: {json.dumps(answer)}\n\n" * 2)
    return httpx.Response(200, json=answer)


def seen(request):
    """Return what a request was, as httpbin's `/anything` does."""
    body = request.content.decode(errors="replace")
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    hidden = ("host", "user-agent", "accept-encoding", "connection", "content-length", "idempotency-key")
    headers = {name: value for name, value in request.headers.items() if name not in hidden}
    url = str(request.url)
    return {"method": request.method, "url": url, "headers": headers, "data": body, "json": value}


def digest(request, username, password):
    """Check a digest (RFC 7616, with MD5), or ask for one."""
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', request.headers.get("authorization", "")))
    if "response" not in given:
        challenge = 'Digest realm="kit", nonce="n0", qop="auth", algorithm=MD5'
        return httpx.Response(401, headers={"www-authenticate": challenge})
    one = _md5(f"{username}:kit:{password}")
    two = _md5(f"{request.method}:{given['uri']}")
    right = _md5(f"{one}:n0:{given['nc']}:{given['cnonce']}:auth:{two}")
    return httpx.Response(200 if given["response"] == right else 401, json={"user": username})


def one_of_each(form):
    """Return the only value of each field of a form."""
    return {name: values[0] for name, values in form.items()}


def _md5(text):
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
