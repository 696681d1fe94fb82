/* Where one response on a kept connection ends, and the little of its head that a load needs. */
#ifndef RESPONSE_H
#define RESPONSE_H

#include "connection.h"
#include <stdbool.h>
#include <stdint.h>

struct response {
    char head[1 << 14]; /* the head, then what came with it */
    size_t used;
    int status;
    char location[1 << 12];
    bool close;
    uint64_t body; /* bytes of the body received */

    bool to_head; /* answers a HEAD: no body whatever the head says */
    enum { IN_HEAD, IN_BODY, IN_CHUNK_SIZE, IN_CHUNK_END, IN_TRAILER, COMPLETE } state;
    bool chunked;
    uint64_t left; /* of the body, or of the chunk */
    bool line_empty;
};

void response_reset(struct response *, bool to_head);

/* Receive until the end of the response, at most `allowance` bytes of body.
   Returns 1 when it is complete, 0 when the allowance is used up, WOULD_BLOCK, or CONNECTION_LOST also for a
   response that cannot be understood. */
int response_receive(struct response *, struct connection *, uint64_t allowance);

#endif
