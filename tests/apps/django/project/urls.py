from pathlib import Path

from django.http import HttpResponse
from django.urls import path

from project.models import Visit

MARKER = (Path(__file__).parent.parent / "marker").read_text().strip()


def index(_request):
    Visit.objects.create()
    return HttpResponse(f"{MARKER} {Visit.objects.count()}\n")


def healthz(_request):
    return HttpResponse(f"ok {Visit.objects.count()}\n")


urlpatterns = [path("", index), path("healthz", healthz)]
