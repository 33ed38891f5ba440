from django.core.files.storage import default_storage
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def upload(request):
    picture = request.FILES["picture"]
    return HttpResponse(default_storage.url(default_storage.save(picture.name, picture)))


urlpatterns = [path("", lambda request: render(request, "gallery.html")), path("upload", upload)]
