/* Memory for what a push is about to write, such that its first use costs nothing.
   In a virtual machine that reports free pages, the host takes them away after two seconds, and a server that fills a
   fresh page of the page cache is charged for getting it back: up to 1.5 s/GB, ten times the copy itself. Whichever
   server came after a pause would pay. So this program uses the memory first, as a server would, in writes of 1 MiB to a
   file of the same filesystem, and frees it a moment before it is needed. */
#ifndef BACKING_H
#define BACKING_H

#include <stdint.h>

void backing_prepare(const char *folder, uint64_t bytes);

/* Free so many of the bytes prepared, as far as there are any left. */
void backing_release(uint64_t bytes);

#endif
