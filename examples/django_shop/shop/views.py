"""The shop's views; each tracks what happened and goes on."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_POST
from leadrelay import track_event

from shop.tasks import send_invoice


@require_GET
def catalogue(request: HttpRequest) -> JsonResponse:
    """Show what there is."""
    return JsonResponse({"event": track_event("catalogue_viewed")})


@require_POST
def login(request: HttpRequest) -> JsonResponse:
    """Log a customer in: from here on the browser's user and the customer are one to LeadBoxer."""
    request.session["user"] = request.POST["user"]
    return JsonResponse({"event": track_event("login")})


@require_POST
def order(request: HttpRequest, number: int) -> JsonResponse:
    """Take an order of three products: five events."""
    customer = request.POST["user"]
    events = [track_event("order_placed", userId=customer, order=number, line=0)]
    events += [track_event("product_bought", userId=customer, order=number, line=line) for line in (1, 2, 3)]
    events.append(track_event("invoice_paid", userId=customer, order=number, line=4, amount="99.50"))
    return JsonResponse({"order": number, "events": events})


@require_POST
def invoice(request: HttpRequest, number: int) -> HttpResponse:
    """Send an invoice later: the task's event is the visitor's too."""
    send_invoice.delay(number)
    return HttpResponse(status=202)
