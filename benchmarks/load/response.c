#include "response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void response_reset(struct response *self, bool to_head) {
    self->used = 0;
    self->status = 0;
    self->location[0] = 0;
    self->close = self->chunked = false;
    self->body = self->left = 0;
    self->to_head = to_head;
    self->state = IN_HEAD;
    self->line_empty = true;
}

static const char *value_of(const char *line, const char *name) {
    size_t length = strlen(name);
    if (strncasecmp(line, name, length) != 0 || line[length] != ':')
        return NULL;
    line += length + 1;
    return line + strspn(line, " \t");
}

/* Read the fields of a head that ends at `end`; what follows it is moved to the start of the buffer. */
static bool take_head(struct response *self, char *end) {
    bool framed = false;
    *end = 0;
    if (sscanf(self->head, "HTTP/1.%*d %d", &self->status) != 1)
        return false;
    for (char *line = strstr(self->head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        const char *value;
        if ((value = value_of(line, "content-length"))) {
            self->left = strtoull(value, NULL, 10);
            framed = true;
        } else if ((value = value_of(line, "transfer-encoding")))
            framed = self->chunked = true;
        else if ((value = value_of(line, "connection")))
            self->close = strncasecmp(value, "close", 5) == 0;
        else if ((value = value_of(line, "location"))) {
            size_t length = strcspn(value, "\r\n");
            if (length >= sizeof self->location)
                return false;
            memcpy(self->location, value, length);
            self->location[length] = 0;
        }
    }
    size_t taken = end + 4 - self->head;
    self->used -= taken;
    memmove(self->head, self->head + taken, self->used);
    if (self->to_head || self->status == 204 || self->status == 304)
        self->state = COMPLETE;
    else if (!framed)
        return false; /* a body that ends with the connection: no load here keeps such a server busy */
    else if (self->chunked)
        self->state = IN_CHUNK_SIZE;
    else
        self->state = self->left ? IN_BODY : COMPLETE;
    return true;
}

static int digit_of(char byte) {
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* One byte of the framing around chunks. Extensions are read over: they hold no hex digit before their ';'. */
static void take_framing(struct response *self, char byte) {
    if (self->state == IN_CHUNK_SIZE) {
        if (byte == '\n') {
            self->state = self->left ? IN_BODY : IN_TRAILER;
            self->line_empty = true;
        } else if (digit_of(byte) >= 0)
            self->left = self->left * 16 + digit_of(byte);
    } else if (self->state == IN_CHUNK_END) {
        if (byte == '\n')
            self->state = IN_CHUNK_SIZE;
    } else if (byte == '\n') { /* trailer: an empty line ends it */
        if (self->line_empty)
            self->state = COMPLETE;
        self->line_empty = true;
    } else if (byte != '\r')
        self->line_empty = false;
}

static void take_body(struct response *self, uint64_t count) {
    self->body += count;
    self->left -= count;
    if (!self->left)
        self->state = self->chunked ? IN_CHUNK_END : COMPLETE;
}

/* Interpret what stands in the buffer behind the head. */
static void take_buffer(struct response *self) {
    size_t at = 0;
    while (at < self->used && self->state != COMPLETE) {
        if (self->state == IN_BODY) {
            uint64_t count = self->used - at < self->left ? self->used - at : self->left;
            take_body(self, count);
            at += count;
        } else
            take_framing(self, self->head[at++]);
    }
    self->used = 0;
}

int response_receive(struct response *self, struct connection *connection, uint64_t allowance) {
    uint64_t limit = self->body + allowance;
    while (self->state != COMPLETE) {
        ssize_t moved;
        if (self->state == IN_BODY) {
            if (self->body >= limit)
                return 0;
            uint64_t count = limit - self->body < self->left ? limit - self->body : self->left;
            if (!self->chunked || count > sizeof self->head) {
                if ((moved = connection_skip(connection, count)) <= 0)
                    return moved;
                take_body(self, moved);
                continue;
            }
        }
        moved = connection_receive(connection, self->head + self->used, sizeof self->head - 1 - self->used);
        if (moved <= 0)
            return moved;
        self->used += moved;
        if (self->state == IN_HEAD) {
            self->head[self->used] = 0;
            char *end = strstr(self->head, "\r\n\r\n");
            if (!end && self->used == sizeof self->head - 1)
                return CONNECTION_LOST;
            if (end && !take_head(self, end))
                return CONNECTION_LOST;
            if (!end)
                continue;
        }
        take_buffer(self);
    }
    return 1;
}
