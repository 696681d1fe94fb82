/* Numbered contents of a given size that nobody has pushed before, and their digests.
   A content is one random pattern, repeated, whose last bytes carry the number: no deduplication, no memory, and
   what comes before the last bytes is hashed once for all of them. */
#ifndef CONTENT_H
#define CONTENT_H

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_SPACE = 80 };

/* Draw the pattern and settle the size of all contents; once, before anything else. */
void content_prepare(uint64_t size);

void content_copy(uint64_t number, uint64_t offset, void *to, size_t count);

/* "sha256:…" and a closing NUL. */
void content_digest(uint64_t number, char digest[DIGEST_SPACE]);

#endif
