/* Keeps a registry busy over kept-alive connections and tells in JSON what came of it: see usage below.
   One thread, one epoll: it has to cost less than any server it measures. */
#include "backing.h"
#include "client.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

static const char usage[] =
    "usage: load [options] get|head HOST:PORT PATH...\n"
    "       load [options] push HOST:PORT REPOSITORY\n"
    "  --clients N   connections (1)             --seconds S  begin no operation after S seconds (5)\n"
    "  --count N     operations at most          --rate B     bytes a second per client at most\n"
    "  --tls         TLS 1.3, nothing checked    --header L   a line for every request\n"
    "  --scratch DIR before a push, use and free memory for it through a file here: see backing.h\n"
    "  --size B      of each content pushed      --chunk B    send it chunked, in chunks of B bytes\n"
    "  --expect N    the status of answers (200) --cut        at the end stop in the middle, and count what came\n"
    "  --slice B     get ranges of B bytes in turn, of paths that have --size B\n";

enum { MOST_CLIENTS = 1024, MOST_CHUNK = 1 << 18, CUT_GRAIN = 50 /* ms */ };

static void stop(const char *message) {
    fprintf(stderr, "%s\n", message);
    exit(2);
}

static int by_size(const void *a, const void *b) {
    float left = *(const float *)a, right = *(const float *)b;
    return (left > right) - (left < right);
}

static double processor_seconds(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return use.ru_utime.tv_sec + use.ru_stime.tv_sec + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
}

/* Drive all clients until each has nothing more to do, or until a time, if one is given. */
static void run(struct client *clients, int count, double cut_at) {
    int poll = epoll_create1(EPOLL_CLOEXEC);
    double *due = calloc(count, sizeof *due); /* 0: not waiting for time */
    bool *woken = malloc(count * sizeof *woken);
    int active = count, waiting_for_time = 0;
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = 0, .data.u32 = i};
        epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].connection.fd, &event);
        woken[i] = true;
    }
    uint32_t *interest = calloc(count, sizeof *interest);
    while (active) {
        for (int i = 0; i < count; i++) {
            if (due[i] && due[i] <= now()) {
                woken[i] = true;
                waiting_for_time--;
                due[i] = 0;
            }
            if (!woken[i])
                continue;
            woken[i] = false;
            enum wait wait = client_drive(&clients[i], &due[i]);
            if (wait == WAIT_TIME)
                waiting_for_time++;
            else
                due[i] = 0;
            if (wait == WAIT_NOTHING)
                active--;
            uint32_t wanted = wait == WAIT_READ ? EPOLLIN : wait == WAIT_WRITE ? EPOLLOUT : 0;
            struct epoll_event event = {.events = wanted, .data.u32 = i};
            if (clients[i].reopened) {
                /* Closing took the old descriptor out of the poll. */
                epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].connection.fd, &event);
                clients[i].reopened = false;
            } else if (wanted != interest[i])
                epoll_ctl(poll, EPOLL_CTL_MOD, clients[i].connection.fd, &event);
            interest[i] = wanted;
        }
        if (!active)
            break;
        struct epoll_event events[MOST_CLIENTS];
        int ready = epoll_wait(poll, events, MOST_CLIENTS, waiting_for_time ? 1 : cut_at ? CUT_GRAIN : -1);
        if (cut_at && now() >= cut_at)
            break;
        for (int i = 0; i < ready; i++)
            if (!due[events[i].data.u32]) /* an error is reported whatever is asked for */
                woken[events[i].data.u32] = true;
    }
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"clients", 1, 0, 'c'}, {"seconds", 1, 0, 's'}, {"count", 1, 0, 'n'}, {"rate", 1, 0, 'r'}, {"tls", 0, 0, 't'},
        {"header", 1, 0, 'h'},  {"size", 1, 0, 'z'}, {"scratch", 1, 0, 'f'}, {"chunk", 1, 0, 'k'},
        {"expect", 1, 0, 'e'},  {"cut", 0, 0, 'x'},  {"slice", 1, 0, 'i'},   {0},
    };
    struct load load = {.limit = UINT64_MAX, .expected = 200};
    int client_count = 1;
    double seconds = 5;
    const char *scratch = NULL;
    char headers[4096] = "";
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c': client_count = atoi(optarg); break;
        case 's': seconds = atof(optarg); break;
        case 'n': load.limit = strtoull(optarg, NULL, 10); break;
        case 'r': load.rate = atof(optarg); break;
        case 't': load.tls = connection_tls_context(); break;
        case 'f': scratch = optarg; break;
        case 'z': load.size = strtoull(optarg, NULL, 10); break;
        case 'e': load.expected = atoi(optarg); break;
        case 'x': load.cut = true; break;
        case 'i': load.slice = strtoull(optarg, NULL, 10); break;
        case 'k': load.chunk = strtoull(optarg, NULL, 10); break;
        case 'h':
            if (strlen(headers) + strlen(optarg) + 3 > sizeof headers)
                stop("too many headers");
            strcat(strcat(headers, optarg), "\r\n");
            break;
        default: stop(usage);
        }
    }
    if (argc - optind < 3 || client_count < 1 || client_count > MOST_CLIENTS || load.chunk > MOST_CHUNK)
        stop(usage);
    char *colon = strrchr(argv[optind + 1], ':');
    if (!colon)
        stop(usage);
    *colon = 0;
    load.host = argv[optind + 1];
    load.port = atoi(colon + 1);
    load.headers = headers;
    bool push = strcmp(argv[optind], "push") == 0;
    if (push) {
        load.repository = argv[optind + 2];
        if (load.limit == UINT64_MAX || !load.size)
            stop("a push needs --count and --size: its contents are hashed beforehand");
        content_prepare(load.size);
        load.digests = malloc(load.limit * sizeof *load.digests);
        for (uint64_t i = 0; i < load.limit; i++)
            content_digest(i, load.digests[i]);
        if (scratch)
            backing_prepare(scratch, load.limit * backing_of(&load));
    } else {
        load.method = strcmp(argv[optind], "head") == 0 ? "HEAD" : "GET";
        load.paths = argv + optind + 2;
        load.path_count = argc - optind - 2;
        if (load.slice && load.size < load.slice)
            stop("slices are cut of what has a --size");
    }

    struct client *clients = calloc(client_count, sizeof *clients);
    for (int i = 0; i < client_count; i++)
        client_start(&clients[i], &load);
    double processor = processor_seconds(), start = now();
    load.deadline = start + seconds;
    run(clients, client_count, load.cut ? load.deadline : 0);
    seconds = now() - start;
    processor = processor_seconds() - processor;

    for (int i = 0; load.cut && i < client_count; i++)
        load.bytes += clients[i].response.body;
    if (!load.done && !load.bytes)
        stop("nothing was done");
    qsort(load.latencies, load.done, sizeof *load.latencies, by_size);
    printf("{\"operations\": %llu, \"bytes\": %llu, \"seconds\": %.6f, \"client_cpu\": %.6f, \"p50\": %.6f, \"p99\": %.6f}\n",
           (unsigned long long)load.done, (unsigned long long)load.bytes, seconds, processor,
           load.done ? load.latencies[load.done / 2] : seconds,
           load.done ? load.latencies[load.done * 99 / 100] : seconds);
    return 0;
}
