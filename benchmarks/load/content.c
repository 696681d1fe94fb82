#include "content.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Small enough to stay in the processor's cache, so that sending costs the load program little. */
enum { PATTERN = 1 << 18, MARK = 8 };

static unsigned char pattern[PATTERN];
static uint64_t size, marked_at; /* of every content, and where in it the number stands */
static EVP_MD_CTX *beginning;    /* the hash of what comes before */

static void hash(EVP_MD_CTX *context, uint64_t number, uint64_t from, uint64_t to) {
    static unsigned char piece[1 << 16];
    while (from < to) {
        size_t count = to - from < sizeof piece ? to - from : sizeof piece;
        content_copy(number, from, piece, count);
        EVP_DigestUpdate(context, piece, count);
        from += count;
    }
}

void content_prepare(uint64_t bytes) {
    for (size_t have = 0; have < PATTERN;) {
        ssize_t got = getrandom(pattern + have, PATTERN - have, 0);
        if (got < 0) {
            perror("getrandom");
            exit(2);
        }
        have += got;
    }
    size = bytes;
    marked_at = size > MARK ? size - MARK : 0;
    beginning = EVP_MD_CTX_new();
    EVP_DigestInit_ex(beginning, EVP_sha256(), NULL);
    hash(beginning, 0, 0, marked_at);
}

void content_copy(uint64_t number, uint64_t offset, void *to, size_t count) {
    unsigned char *bytes = to;
    uint64_t start = offset;
    for (size_t done = 0; done < count;) {
        size_t at = offset % PATTERN;
        size_t piece = PATTERN - at < count - done ? PATTERN - at : count - done;
        memcpy(bytes + done, pattern + at, piece);
        done += piece;
        offset += piece;
    }
    uint64_t end = start + count;
    for (uint64_t place = start > marked_at ? start : marked_at; place < end; place++)
        bytes[place - start] ^= number >> (8 * (place - marked_at));
}

void content_digest(uint64_t number, char digest[DIGEST_SPACE]) {
    unsigned char value[EVP_MAX_MD_SIZE];
    unsigned int length;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_MD_CTX_copy_ex(context, beginning);
    hash(context, number, marked_at, size);
    EVP_DigestFinal_ex(context, value, &length);
    EVP_MD_CTX_free(context);
    strcpy(digest, "sha256:");
    for (unsigned int i = 0; i < length; i++)
        sprintf(digest + 7 + 2 * i, "%02x", value[i]);
}
