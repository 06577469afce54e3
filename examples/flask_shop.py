"""A shop on Flask: `gunicorn flask_shop:app`."""

from flask import Flask, session
from leadrelay import track_event
from leadrelay.contrib.flask import Leadrelay


def visitor() -> dict[str, str]:
    """Give the customer who is logged in."""
    return {"userId": session["user"]} if "user" in session else {}


app = Flask(__name__)
app.secret_key = "only for this example"
Leadrelay(app, identify=visitor)


@app.get("/")
def catalogue() -> dict[str, str]:
    """Show what there is."""
    return {"event": track_event("catalogue_viewed")}


@app.post("/login/<user>")
def login(user: str) -> dict[str, str]:
    """Log a customer in."""
    session["user"] = user
    return {"event": track_event("login")}


@app.post("/orders/<int:number>")
def order(number: int) -> dict[str, str]:
    """Take an order."""
    return {"event": track_event("order_placed", order=number)}
