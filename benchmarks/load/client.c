#include "client.h"
#include "backing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PIECE = 1 << 16, STAGE = (1 << 18) + 64, SLOW_RECEIVE_BUFFER = 1 << 16 };

double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

uint64_t backing_of(const struct load *load) {
    return load->size + (1 << 15);
}

static void give_up(struct client *self, const char *what) {
    fprintf(stderr, "%s in step %d: status %d %s\n", what, self->step, self->response.status, self->response.location);
    exit(1);
}

static void open_connection(struct client *self) {
    struct load *load = self->load;
    connection_open(&self->connection, load->host, load->port, load->tls, load->rate ? SLOW_RECEIVE_BUFFER : 0);
}

static void request(struct client *self, const char *method, const char *path, const char *framing) {
    struct load *load = self->load;
    int length = snprintf(self->staged, STAGE, "%s %s HTTP/1.1\r\nHost: %s:%d\r\n%s%s\r\n", method, path, load->host,
                          load->port, load->headers, framing);
    if (length >= STAGE)
        give_up(self, "request too long");
    self->staged_at = 0;
    self->staged_used = length;
    self->body_at = self->body_size = 0;
    self->last_chunk = false;
    response_reset(&self->response, strcmp(method, "HEAD") == 0);
}

/* The path of the upload that the last response told, absolute or relative. */
static const char *upload_path(struct client *self) {
    static char path[sizeof self->response.location];
    const char *location = self->response.location;
    const char *authority = strstr(location, "://");
    if (authority)
        location = strchr(authority + 3, '/');
    if (!location || *location != '/')
        give_up(self, "no usable Location");
    return strcpy(path, location);
}

/* Begin the next operation; false when there is none. */
static bool begin(struct client *self) {
    struct load *load = self->load;
    self->began = now();
    if (load->begun >= load->limit || self->began >= load->deadline)
        return false;
    self->metered = 0;
    self->number = load->begun++;
    if (load->repository) {
        backing_release(backing_of(load));
        char path[512];
        snprintf(path, sizeof path, "/v2/%s/blobs/uploads/", load->repository);
        self->step = STARTING;
        request(self, "POST", path, "Content-Length: 0\r\n");
    } else {
        self->step = GETTING;
        uint64_t slices = load->slice ? (load->size + load->slice - 1) / load->slice : 1;
        uint64_t first = self->number % slices * load->slice;
        char range[64] = "";
        if (load->slice)
            snprintf(range, sizeof range, "Range: bytes=%llu-%llu\r\n", (unsigned long long)first,
                     (unsigned long long)first + load->slice - 1);
        request(self, load->method, load->paths[self->number / slices % load->path_count], range);
    }
    return true;
}

static void patch(struct client *self) {
    struct load *load = self->load;
    char framing[160];
    if (load->chunk)
        strcpy(framing, "Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n");
    else
        snprintf(framing, sizeof framing, "Content-Type: application/octet-stream\r\nContent-Length: %llu\r\n",
                 (unsigned long long)load->size);
    self->step = PATCHING;
    request(self, "PATCH", upload_path(self), framing);
    self->body_size = load->size;
    self->last_chunk = load->chunk > 0;
}

static void put(struct client *self) {
    char path[sizeof self->response.location + DIGEST_SPACE + 16];
    const char *upload = upload_path(self);
    snprintf(path, sizeof path, "%s%cdigest=%s", upload, strchr(upload, '?') ? '&' : '?',
             self->load->digests[self->number]);
    self->step = PUTTING;
    request(self, "PUT", path, "Content-Length: 0\r\n");
}

static void finish(struct client *self, uint64_t bytes) {
    struct load *load = self->load;
    if (load->done == load->latency_space) {
        load->latency_space = load->latency_space ? load->latency_space * 2 : 4096;
        load->latencies = realloc(load->latencies, load->latency_space * sizeof *load->latencies);
    }
    load->latencies[load->done++] = now() - self->began;
    load->bytes += bytes;
}

/* The response is complete: go on to the next request; false when there is none. */
static bool advance(struct client *self) {
    const int expected[] = {[GETTING] = self->load->slice ? 206 : self->load->expected, [STARTING] = 202, [PATCHING] = 202, [PUTTING] = 201};
    if (self->response.status != expected[self->step])
        give_up(self, "unexpected answer");
    if (self->response.close) {
        connection_close(&self->connection);
        open_connection(self);
        self->reopened = true;
    }
    switch (self->step) {
    case STARTING:
        patch(self);
        return true;
    case PATCHING:
        put(self);
        return true;
    case GETTING:
        finish(self, self->response.body);
        self->response.body = 0; /* or a cut would count it again */
        break;
    case PUTTING:
        finish(self, self->load->size);
    }
    return begin(self);
}

/* Stage the next piece of the request's body. */
static void stage_body(struct client *self) {
    struct load *load = self->load;
    size_t most = load->chunk ? load->chunk : load->rate ? PIECE : STAGE - 64;
    uint64_t left = self->body_size - self->body_at;
    size_t count = left < most ? left : most;
    char *to = self->staged;
    if (load->chunk && count)
        to += sprintf(to, "%zx\r\n", count);
    content_copy(self->number, self->body_at, to, count);
    to += count;
    if (load->chunk && count)
        to = stpcpy(to, "\r\n");
    self->body_at += count;
    self->metered += count;
    if (load->chunk && self->body_at == self->body_size) {
        to = stpcpy(to, "0\r\n\r\n");
        self->last_chunk = false;
    }
    self->staged_at = 0;
    self->staged_used = to - self->staged;
}

/* Bytes this client may move now; when there are none yet, the time at which there will be. */
static uint64_t allowance(struct client *self, double *due) {
    if (!self->load->rate)
        return UINT64_MAX / 2;
    double allowed = (now() - self->began) * self->load->rate - self->metered;
    *due = self->began + (self->metered + PIECE) / self->load->rate;
    return allowed >= PIECE ? PIECE : 0;
}

void client_start(struct client *self, struct load *load) {
    self->load = load;
    self->staged = malloc(STAGE);
    open_connection(self);
}

enum wait client_drive(struct client *self, double *due) {
    if (!self->staged_used && !begin(self))
        return WAIT_NOTHING;
    for (;;) {
        while (self->staged_at < self->staged_used || self->body_at < self->body_size || self->last_chunk) {
            if (self->staged_at == self->staged_used) {
                if (!allowance(self, due))
                    return WAIT_TIME;
                stage_body(self);
            }
            ssize_t moved = connection_send(&self->connection, self->staged + self->staged_at,
                                            self->staged_used - self->staged_at);
            if (moved == CONNECTION_LOST)
                give_up(self, "connection lost while sending");
            if (moved == WOULD_BLOCK)
                return WAIT_WRITE;
            self->staged_at += moved;
        }
        uint64_t allowed = allowance(self, due);
        if (!allowed)
            return WAIT_TIME;
        uint64_t before = self->response.body;
        int outcome = response_receive(&self->response, &self->connection, allowed);
        self->metered += self->response.body - before;
        if (outcome == CONNECTION_LOST)
            give_up(self, "connection lost while receiving");
        if (outcome == WOULD_BLOCK)
            return WAIT_READ;
        if (outcome == 1 && !advance(self))
            return WAIT_NOTHING;
    }
}
