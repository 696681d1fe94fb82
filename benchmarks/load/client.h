/* One client: what it asks next, and how far the exchange on its connection is. */
#ifndef CLIENT_H
#define CLIENT_H

#include "connection.h"
#include "content.h"
#include "response.h"

/* What all clients do; set once from the command line. */
struct load {
    const char *host;
    int port;
    SSL_CTX *tls;          /* NULL: plain */
    const char *method;    /* "GET", "HEAD"; "POST" pushes */
    const char *headers;   /* lines that go into every request */
    char **paths;          /* of GET and HEAD, taken in turn by all clients together */
    int path_count;
    const char *repository; /* to push to */
    int expected;           /* status of an answer to GET and HEAD */
    uint64_t size;          /* of each content pushed, or of what slices are cut of */
    uint64_t slice;         /* ask for so many bytes, then for the next; 0: for the whole */
    bool cut;               /* at the deadline, stop in the middle */
    size_t chunk;           /* send the PATCH chunked, in chunks of this size; 0: with a Content-Length */
    double rate;            /* bytes a second each client moves at most; 0: as many as it can */
    uint64_t limit;         /* operations to begin at most */
    double deadline;        /* no operation begins after it */
    char (*digests)[DIGEST_SPACE];

    uint64_t begun;
    uint64_t done;
    uint64_t bytes; /* of bodies, received or sent */
    float *latencies;
    size_t latency_space;
};

struct client {
    struct load *load;
    struct connection connection;
    struct response response;
    enum { GETTING, STARTING, PATCHING, PUTTING } step;
    bool reopened;      /* the connection is a new one, since whoever polls it looked last */
    uint64_t number;    /* of the operation */
    double began;       /* this operation */
    char *staged;       /* bytes to send next */
    size_t staged_at, staged_used;
    uint64_t body_at, body_size; /* of the request's body, staged so far */
    bool last_chunk;    /* is still to be staged */
    uint64_t metered;   /* bytes moved in this operation, for the rate */
};

/* What a client waits for. */
enum wait { WAIT_READ, WAIT_WRITE, WAIT_TIME, WAIT_NOTHING };

double now(void);

/* Bytes of memory that the kernel takes for one push: the file, and what stands around it. */
uint64_t backing_of(const struct load *);

void client_start(struct client *, struct load *);

/* Go on as far as possible. WAIT_NOTHING: this client has nothing more to do. *due is set with WAIT_TIME.
   Exits with a message on an answer that is not the one the load is for: a figure of refused requests is worth nothing. */
enum wait client_drive(struct client *, double *due);

#endif
