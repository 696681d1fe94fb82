/* One connection to the server, plain or TLS, that never blocks once it is open. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <sys/types.h>

struct connection {
    int fd;
    SSL *tls; /* NULL on a plain connection */
};

enum { WOULD_BLOCK = -1, CONNECTION_LOST = -2 };

/* A context that prefers AES-128-GCM, as Go's clients (docker, containerd, skopeo) do; certificates are not checked. */
SSL_CTX *connection_tls_context(void);

/* Connect and shake hands, waiting for both; exit with a message when that fails.
   receive_buffer is the size asked for the kernel's buffer, 0 for its default. */
void connection_open(struct connection *, const char *host, int port, SSL_CTX *, int receive_buffer);

void connection_close(struct connection *);

/* These return the bytes moved (more than 0), WOULD_BLOCK or CONNECTION_LOST. */
ssize_t connection_send(struct connection *, const void *bytes, size_t count);
ssize_t connection_receive(struct connection *, void *bytes, size_t count);

/* Receive and drop. */
ssize_t connection_skip(struct connection *, size_t count);

#endif
