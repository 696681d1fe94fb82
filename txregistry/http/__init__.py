"""A streaming HTTP/1.1 server on httptools; it knows nothing of registries.

An application provides `interfaces.IApplication`: it gets a request as soon as its head is complete, and answers with a
value, at once or later. A whole server that counts what it is sent:

    from klein import Klein
    from twisted.internet import reactor
    from zope.interface import implementer

    from txregistry.http.interfaces import IApplication
    from txregistry.http.response import Response
    from txregistry.http.routing import Router
    from txregistry.http.server import HTTPFactory
    from txregistry.http.ports import listen_tcp

    @implementer(IApplication)
    class Counting:
        app = Klein()
        headers = ()

        def __init__(self):
            self.router = Router(self.app)

        @app.route("/things/<name>", methods=["PUT"])
        async def put(self, request, name):
            count = await request.body.stream_to(Bucket(name))    # any IConsumer
            return Response(201, ((b"Content-Type", b"text/plain"),), b"%d bytes" % count)

        def handle(self, request):
            match = self.router.match(request.method, request.path)    # raises what an application answers with 404
            return self.router.execute(match, request)

        def refused(self, problem):
            return Response(problem.status, (), problem.reason.encode())

        def finished(self, exchange):
            print(exchange.peer, exchange.status, exchange.received, exchange.sent)

    factory = HTTPFactory(Counting(), reactor)
    port = listen_tcp(reactor, 8080, factory)
    reactor.run()

To stop: `port.stopListening()`, then `factory.drain(seconds)`. It speaks TLS when the factory gets a `tls.TLSContext`;
`limits.Limits` has every limit and deadline.

From the socket upwards: `ports` accept, `transport` (or `secure`, over `engines`) hands bytes to a `connection`;
`parsing` turns them into a `request` with its `body`; `answering` takes one request at a time to the application and
its response, by `encoding` and `sending`, back to the transport. `watching` tells which connections are ready,
`deadlines` cuts off who is too slow.
"""
