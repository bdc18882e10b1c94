// Start Swagger UI: the API of this server, light or dark as the system is.
const dark = matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', follow);
follow();

const base = new URL('.', location.href);
SwaggerUIBundle({
  dom_id: '#api',
  url: new URL('docs/openapi.json', base).href,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  validatorUrl: null, // no request leaves this server
  requestInterceptor(request) {
    // Paths of the API are relative to this page, which a proxy may serve below another path.
    if (!request.loadSpec) request.url = request.url.replace(`${location.origin}/`, base.href);
    return request;
  },
});
