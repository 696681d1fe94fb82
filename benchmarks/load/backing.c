#define _GNU_SOURCE
#include "backing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE = 1 << 20 };

/* Little enough that the kernel does not begin to write it out on machines with the memory for this benchmark. */
static const uint64_t most = 3ULL << 29;
static int file = -1;
static uint64_t left;

static void fail(const char *what) {
    perror(what);
    exit(2);
}

void backing_prepare(const char *folder, uint64_t bytes) {
    static char piece[PIECE];
    file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0)
        fail("no scratch file");
    for (bytes = bytes < most ? bytes : most; left < bytes; left += PIECE)
        if (pwrite(file, piece, PIECE, left) != PIECE)
            fail("scratch file");
}

void backing_release(uint64_t bytes) {
    left -= bytes < left ? bytes : left;
    if (file >= 0 && ftruncate(file, left) < 0)
        fail("scratch file");
}
