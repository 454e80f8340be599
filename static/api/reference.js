(() => {
  const place = document.getElementById("reference");
  const own = new URL(place.dataset.document, document.baseURI);
  window.SwaggerUIBundle({
    url: own.href,
    domNode: place,
    deepLinking: true,
    // Groups closed: Swagger draws a long list only as far as it is scrolled, which no search of
    // the browser finds anything in.
    docExpansion: "none",
    filter: true,
    defaultModelsExpandDepth: 0,
    persistAuthorization: false,
    tryItOutEnabled: false,
    // The document is checked by our own tests, not by a foreign service.
    validatorUrl: null,
    presets: [window.SwaggerUIBundle.presets.apis],
    requestInterceptor: (request) => {
      // Who is logged in here tries things with their session, which writes only with this token.
      if (new URL(request.url, document.baseURI).origin === own.origin && place.dataset.token) {
        request.headers["X-CSRFToken"] = place.dataset.token;
      }
      return request;
    },
  });
})();
