// The reference of the hub's calls, drawn by Swagger UI from the document that the hub itself serves.
SwaggerUIBundle({
  url: "/v1/openapi.json",
  domNode: document.getElementById("reference"),
  deepLinking: true,
  docExpansion: "list",
  supportedSubmitMethods: ["get"], // what is tried here reads, and never writes
  validatorUrl: null, // no other host is asked anything
});
