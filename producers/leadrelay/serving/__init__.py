"""What our HTTP servers share: ASGI without a framework, and uvicorn's protocol within bounds."""
