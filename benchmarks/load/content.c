#include "content.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Small enough to stay in the processor's cache, so that sending costs the load program little. */
enum { PATTERN = 1 << 18, MARK = 8 };

static unsigned char pattern[PATTERN];

void content_prepare(void) {
    for (size_t have = 0; have < PATTERN;) {
        ssize_t got = getrandom(pattern + have, PATTERN - have, 0);
        if (got < 0) {
            perror("getrandom");
            exit(2);
        }
        have += got;
    }
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
    for (uint64_t place = start; place < MARK && place - start < count; place++)
        bytes[place - start] ^= number >> (8 * place);
}

void content_digest(uint64_t number, uint64_t size, char digest[DIGEST_SPACE]) {
    static unsigned char piece[1 << 16];
    unsigned char value[EVP_MAX_MD_SIZE];
    unsigned int length;
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    for (uint64_t offset = 0; offset < size;) {
        size_t count = size - offset < sizeof piece ? size - offset : sizeof piece;
        content_copy(number, offset, piece, count);
        EVP_DigestUpdate(hash, piece, count);
        offset += count;
    }
    EVP_DigestFinal_ex(hash, value, &length);
    EVP_MD_CTX_free(hash);
    strcpy(digest, "sha256:");
    for (unsigned int i = 0; i < length; i++)
        sprintf(digest + 7 + 2 * i, "%02x", value[i]);
}
