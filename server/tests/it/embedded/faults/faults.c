/* Makes the disk fail at a chosen call. Loaded into the server with LD_PRELOAD; `plan.rs` says what fails, through a
 * small file that both have mapped or open: eight-byte integers in the machine's order, laid out as `struct plan`.
 * Only calls on the database and the files beside it are counted and can fail. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum operation { NONE, SYNC, READ, WRITE, OPERATIONS };
enum file { DATABASE = 1, LOG = 2, INDEX = 4, OTHER = 8 };

struct plan {
    _Atomic int64_t operation; /* what fails */
    _Atomic int64_t error;     /* with which errno */
    _Atomic int64_t files;     /* on which files, a set of `enum file` */
    _Atomic int64_t before;    /* calls that succeed before */
    _Atomic int64_t times;     /* calls that fail then */
    _Atomic int64_t failed;    /* calls that have failed */
    _Atomic int64_t calls[OPERATIONS];
};

static struct plan *plan;
static const char *database;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULTS_PLAN");
    database = getenv("FAULTS_DATABASE");
    if (!path || !database)
        return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
        perror("the plan of faults");
        abort();
    }
    close(fd);
    plan = mapped;
}

/* Which file of the database this is; 0 for any other. */
static int file_of(int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    size_t prefix = strlen(database);
    if (strncmp(path, database, prefix) != 0)
        return 0;
    const char *suffix = path + prefix;
    if (!*suffix)
        return DATABASE;
    if (!strcmp(suffix, "-wal"))
        return LOG;
    return strcmp(suffix, "-shm") ? OTHER : INDEX;
}

/* Counts the call; whether it is to fail, with errno set. */
static int fails(enum operation operation, int fd)
{
    int before = errno, file = plan ? file_of(fd) : 0;
    errno = before;
    if (!file)
        return 0;
    atomic_fetch_add(&plan->calls[operation], 1);
    if (plan->operation != (int64_t)operation || !(plan->files & file))
        return 0;
    if (atomic_fetch_sub(&plan->before, 1) > 0 || atomic_fetch_sub(&plan->times, 1) <= 0)
        return 0;
    atomic_fetch_add(&plan->failed, 1);
    errno = (int)plan->error;
    return 1;
}

#define REPLACED(result, name, operation, parameters, arguments)                  \
    result name parameters                                                        \
    {                                                                             \
        static result(*real) parameters;                                          \
        if (!real)                                                                \
            real = (result(*) parameters)dlsym(RTLD_NEXT, #name);                 \
        return fails(operation, fd) ? -1 : real arguments;                        \
    }

REPLACED(int, fsync, SYNC, (int fd), (fd))
REPLACED(int, fdatasync, SYNC, (int fd), (fd))
REPLACED(ssize_t, read, READ, (int fd, void *to, size_t size), (fd, to, size))
REPLACED(ssize_t, pread, READ, (int fd, void *to, size_t size, off_t at), (fd, to, size, at))
REPLACED(ssize_t, pread64, READ, (int fd, void *to, size_t size, off64_t at), (fd, to, size, at))
REPLACED(ssize_t, write, WRITE, (int fd, const void *from, size_t size), (fd, from, size))
REPLACED(ssize_t, pwrite, WRITE, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at))
REPLACED(ssize_t, pwrite64, WRITE, (int fd, const void *from, size_t size, off64_t at), (fd, from, size, at))
