
/*
 * A library to be preloaded into nginx: how long the turns of a worker's event
 * loop take.  A turn is what is between a return of epoll_wait() and the next
 * call of it.  In the file of $TURNS each process has a place, with its id, and
 * with how many turns there were and the longest of them, by the clock and by
 * the processor's time of this thread.  Whoever reads the file may set these to
 * zero.
 *
 * On a machine that is busy the clock tells of others as well; the processor's
 * time does not tell of waiting for a disk.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>


#define PLACES  64


typedef struct {
    uint64_t  pid;
    uint64_t  turns;
    uint64_t  longest;          /* nanoseconds, by the clock */
    uint64_t  busiest;          /* by the processor's time */
    uint64_t  above;            /* turns above 10 ms of the processor */
} place_t;


static place_t   *places, *mine;
static uint64_t   clock_began, cpu_began;
static pid_t      pid;


static uint64_t
now(clockid_t id)
{
    struct timespec  ts;

    if (clock_gettime(id, &ts) != 0) {
        return 0;
    }

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


/* nginx takes its workers all variables, but not what a fork has mapped */

__attribute__((constructor)) static void
map(void)
{
    int    fd;
    char  *name;

    name = getenv("TURNS");
    fd = name ? open(name, O_RDWR|O_CLOEXEC) : -1;

    if (fd == -1) {
        return;
    }

    places = mmap(NULL, PLACES * sizeof(place_t), PROT_READ|PROT_WRITE,
                  MAP_SHARED, fd, 0);
    (void) close(fd);

    if (places == MAP_FAILED) {
        places = NULL;
    }
}


static place_t *
place(void)
{
    int  i;

    for (i = 0; places && i < PLACES; i++) {
        if (places[i].pid == 0
            && __sync_bool_compare_and_swap(&places[i].pid, 0,
                                            (uint64_t) getpid()))
        {
            return &places[i];
        }
    }

    return NULL;
}


static void
ended(void)
{
    uint64_t  cpu, wall;

    wall = now(CLOCK_MONOTONIC) - clock_began;
    cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu_began;

    mine->turns++;

    if (wall > mine->longest) {
        mine->longest = wall;
    }

    if (cpu > mine->busiest) {
        mine->busiest = cpu;
    }

    if (cpu > 10000000) {
        mine->above++;
    }
}


int
epoll_wait(int ep, struct epoll_event *events, int n, int timeout)
{
    int  rc;

    static int (*next)(int, struct epoll_event *, int, int);

    if (next == NULL) {
        *(void **) &next = dlsym(RTLD_NEXT, "epoll_wait");
    }

    if (pid != getpid()) {
        pid = getpid();
        mine = place();
        clock_began = 0;
    }

    if (mine && clock_began) {
        ended();
    }

    rc = next(ep, events, n, timeout);

    clock_began = now(CLOCK_MONOTONIC);
    cpu_began = now(CLOCK_THREAD_CPUTIME_ID);

    return rc;
}
