"""The REST service and the web page over collections; needs the extra `serve`, as its client does not.

`app.create_app(settings)` builds the application, `server.serve` runs it; `client.Client` talks to one. Requests and
answers are the house's own records (`SearchRequest`, `records.to_json`); pydantic models stand at the boundary alone.
"""
