"""Where the views are."""

from django.urls import path

from shop import views

urlpatterns = [
    path("", views.catalogue),
    path("login", views.login),
    path("orders/<int:number>", views.order),
    path("orders/<int:number>/invoice", views.invoice),
]
