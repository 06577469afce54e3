"""A shop on FastAPI: `uvicorn fastapi_shop:app`."""

from typing import Any

from fastapi import BackgroundTasks, FastAPI, Request
from leadrelay import atrack_event, track_event
from leadrelay.contrib.asgi import ContextMiddleware
from starlette.middleware.sessions import SessionMiddleware


def visitor(scope: Any) -> dict[str, str]:
    """Give the customer who is logged in."""
    user = scope.get("session", {}).get("user")
    return {"userId": user} if user else {}


app = FastAPI()
app.add_middleware(ContextMiddleware, identify=visitor)
app.add_middleware(SessionMiddleware, secret_key="only for this example")


@app.get("/")
def catalogue() -> dict[str, str]:
    """Show what there is (in a thread)."""
    return {"event": track_event("catalogue_viewed")}


@app.post("/login/{user}")
async def login(user: str, request: Request) -> dict[str, str]:
    """Log a customer in."""
    request.session["user"] = user
    return {"event": await atrack_event("login")}


@app.post("/orders/{number}")
async def order(number: int, later: BackgroundTasks) -> dict[str, str]:
    """Take an order; the invoice is sent after the response."""
    later.add_task(atrack_event, "invoice_sent", order=number)
    return {"event": await atrack_event("order_placed", order=number)}
