#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char *what) {
    perror(what);
    exit(2);
}

SSL_CTX *connection_tls_context(void) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
}

void connection_open(struct connection *self, const char *host, int port, SSL_CTX *context, int receive_buffer) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        fprintf(stderr, "not an IPv4 address: %s\n", host);
        exit(2);
    }
    self->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (self->fd < 0)
        fail("socket");
    /* Before connect: the window is negotiated then. */
    if (receive_buffer && setsockopt(self->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer) < 0)
        fail("SO_RCVBUF");
    if (connect(self->fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail("connect");
    int on = 1;
    if (setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        fail("TCP_NODELAY");
    self->tls = NULL;
    if (context) {
        self->tls = SSL_new(context);
        SSL_set_fd(self->tls, self->fd);
        if (SSL_connect(self->tls) != 1) {
            ERR_print_errors_fp(stderr);
            fprintf(stderr, "TLS handshake failed\n");
            exit(2);
        }
    }
    if (fcntl(self->fd, F_SETFL, O_NONBLOCK) < 0)
        fail("O_NONBLOCK");
}

void connection_close(struct connection *self) {
    if (self->tls)
        SSL_free(self->tls);
    close(self->fd);
}

static ssize_t plain_result(ssize_t moved) {
    if (moved > 0)
        return moved;
    return moved < 0 && errno == EAGAIN ? WOULD_BLOCK : CONNECTION_LOST;
}

static ssize_t tls_result(SSL *tls, int done, size_t moved) {
    if (done == 1)
        return moved;
    int why = SSL_get_error(tls, done);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? WOULD_BLOCK : CONNECTION_LOST;
}

ssize_t connection_send(struct connection *self, const void *bytes, size_t count) {
    if (!self->tls)
        return plain_result(send(self->fd, bytes, count, MSG_NOSIGNAL));
    size_t moved = 0;
    int done = SSL_write_ex(self->tls, bytes, count, &moved);
    return tls_result(self->tls, done, moved);
}

ssize_t connection_receive(struct connection *self, void *bytes, size_t count) {
    if (!self->tls)
        return plain_result(recv(self->fd, bytes, count, 0));
    size_t moved = 0;
    int done = SSL_read_ex(self->tls, bytes, count, &moved);
    return tls_result(self->tls, done, moved);
}

ssize_t connection_skip(struct connection *self, size_t count) {
    /* Not MSG_TRUNC, though it is cheaper here: a client that takes no time over its bytes makes the server send in
       smaller pieces, and with sendfile cost up to twice as much as curl did. */
    static char dropped[1 << 16];
    return connection_receive(self, dropped, count < sizeof dropped ? count : sizeof dropped);
}
