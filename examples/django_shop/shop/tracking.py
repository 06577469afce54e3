"""Who a visitor is, in the names of the Track API."""

from django.http import HttpRequest


def visitor(request: HttpRequest) -> dict[str, str]:
    """Give the customer who is logged in."""
    user = request.session.get("user")
    return {"userId": user} if user else {}
