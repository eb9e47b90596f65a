/*
 * Loaded into genuine Xen tools (LD_PRELOAD): their /dev/xen/privcmd and /dev/xen/hypercall are a daemon's privcmd
 * socket, whose protocol src/apps/daemon/privcmd-session.ts describes.
 *
 *   ZENDO_PRIVCMD  path of the socket
 *   ZENDO_ROOT     a folder that stands for / where tools look for files of a Xen host (/etc/xen, /run/xen, ...)
 *   ZENDO_TRACE    if set, a line on stderr for each hypercall
 *
 * A hypercall buffer lies in the window of addresses that the daemon gave this process; every buffer that is alive goes
 * with each hypercall, and comes back from it. Pages of another domain are copies: read when they are mapped, and
 * written back (those that were changed) before each hypercall and when they are unmapped.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define PAGE 4096UL
#define FDS 4096
/* Pages of one mapping request. */
#define BATCH 4096U

enum request { ATTACH = 1, HYPERCALL, MAP_FOREIGN, MAP_RESOURCE, WRITE_PAGES, UNMAP, LOOK };
enum device { NONE, PRIVCMD, BUFFERS };

#define GENUINE(type, name, ...)                                     \
    static type (*genuine)(__VA_ARGS__);                             \
    if (!genuine)                                                    \
        genuine = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Which of our devices a file descriptor is. */
static unsigned char devices[FDS];

static void die(const char *what)
{
    fprintf(stderr, "genuine-tools shim: %s: %s\n", what, strerror(errno));
    _exit(125);
}

/* ---- the connection ------------------------------------------------------------------------------------------- */

static int connection = -1;
static pid_t connected_by;
static uintptr_t window_base, window_size;

/* A page range of the window that is a hypercall buffer. */
struct buffer {
    uintptr_t at;
    size_t length;
    struct buffer *next;
};
static struct buffer *buffers;

static void send_all(const struct iovec *parts, int count)
{
    for (int i = 0; i < count; i++) {
        const char *at = parts[i].iov_base;
        size_t left = parts[i].iov_len;
        while (left > 0) {
            ssize_t n = send(connection, at, left, MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) die("the daemon is gone");
            at += n;
            left -= (size_t)n;
        }
    }
}

static void receive(void *into, size_t length)
{
    char *at = into;
    while (length > 0) {
        ssize_t n = recv(connection, at, length, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) die("the daemon is gone");
        at += n;
        length -= (size_t)n;
    }
}

/* Answers (without bytes) to requests that were not waited for. */
static unsigned unread;

/* Send a request; the answer's errno, and how many bytes follow it. */
static int ask(enum request type, struct iovec *parts, int count, uint32_t *follow)
{
    uint32_t head[2] = { type, 0 };
    for (int i = 1; i < count; i++) head[1] += (uint32_t)parts[i].iov_len;
    parts[0] = (struct iovec){ head, sizeof head };
    send_all(parts, count);
    for (; unread > 0; unread--) receive(head, sizeof head);
    receive(head, sizeof head);
    *follow = head[1];
    return (int)head[0];
}

/* Send a request whose answer nobody needs at once. */
static void tell(enum request type, uint32_t word)
{
    uint32_t message[3] = { type, sizeof word, word };
    struct iovec part = { message, sizeof message };
    send_all(&part, 1);
    unread++;
}

static void attach(void)
{
    const char *path = getenv("ZENDO_PRIVCMD");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (connected_by == getpid()) return;
    /* After a fork the connection is the parent's. */
    unread = 0;
    if (connection >= 0) {
        static int (*genuine_close)(int);
        if (!genuine_close) genuine_close = (int (*)(int))dlsym(RTLD_NEXT, "close");
        genuine_close(connection);
    }
    if (!path || strlen(path) >= sizeof address.sun_path) {
        errno = ENOENT;
        die("ZENDO_PRIVCMD is not the path of a socket");
    }
    strcpy(address.sun_path, path);
    connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address) < 0) die(path);
    /* (out of the way of tools that close what they have opened, by number) */
    int high = fcntl(connection, F_DUPFD_CLOEXEC, 200);
    if (high >= 0) {
        close(connection);
        connection = high;
    }
    uint32_t version = 1, follow;
    struct iovec parts[2] = { { 0 }, { &version, sizeof version } };
    int error = ask(ATTACH, parts, 2, &follow);
    uint64_t window[2];
    if (error || follow != sizeof window) {
        errno = error;
        die("the daemon takes no more programs");
    }
    receive(window, sizeof window);
    window_base = window[0];
    window_size = window[1];
    connected_by = getpid();
}

/* ---- hypercall buffers ------------------------------------------------------------------------------------------ */

static void *(*genuine_mmap)(void *, size_t, int, int, int, off_t);
static int (*genuine_munmap)(void *, size_t);

static void find_mappers(void)
{
    if (!genuine_mmap) genuine_mmap = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
    if (!genuine_munmap) genuine_munmap = (int (*)(void *, size_t))dlsym(RTLD_NEXT, "munmap");
}

static void *map_buffer(size_t length)
{
    length = (length + PAGE - 1) & ~(PAGE - 1);
    attach();
    /* The list is in the order of addresses: take the first gap. */
    struct buffer **link = &buffers;
    uintptr_t at = window_base;
    while (*link && ((*link)->at < window_base || (*link)->at - at < length)) {
        if ((*link)->at >= window_base) at = (*link)->at + (*link)->length;
        link = &(*link)->next;
    }
    if (at + length > window_base + window_size) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    void *got = genuine_mmap((void *)at, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == MAP_FAILED) return got;
    struct buffer *made = malloc(sizeof *made);
    if (!made) die("memory");
    *made = (struct buffer){ at, length, *link };
    *link = made;
    return got;
}

static int unmap_buffer(void *address, size_t length)
{
    for (struct buffer **link = &buffers; *link; link = &(*link)->next) {
        struct buffer *found = *link;
        if (found->at != (uintptr_t)address) continue;
        *link = found->next;
        free(found);
        return genuine_munmap(address, length);
    }
    return -2;
}

/* ---- other domains' pages --------------------------------------------------------------------------------------- */

/* A part of a region that is one mapping of the daemon's. */
struct piece {
    uint32_t id, count;
    /* Where it begins in the region, in pages. */
    size_t first;
    unsigned char *before;
    uint32_t *errors;
    struct piece *next;
};
/* What a tool has mapped of the privcmd device. */
struct region {
    unsigned char *at;
    size_t length;
    int writable;
    struct piece *pieces;
    struct region *next;
};
static struct region *regions;

static void *map_region(void *wanted, size_t length, int prot, int flags)
{
    void *got = genuine_mmap(wanted, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (flags & MAP_FIXED), -1, 0);
    if (got == MAP_FAILED) return got;
    struct region *made = calloc(1, sizeof *made);
    if (!made) die("memory");
    *made = (struct region){ got, (length + PAGE - 1) & ~(PAGE - 1), (prot & PROT_WRITE) != 0, NULL, regions };
    regions = made;
    return got;
}

static struct region *region_of(const void *address, size_t length)
{
    for (struct region *r = regions; r; r = r->next)
        if ((unsigned char *)address >= r->at && (unsigned char *)address + length <= r->at + r->length) return r;
    return NULL;
}

static void write_back(struct region *r)
{
    if (!r->writable) return;
    for (struct piece *p = r->pieces; p; p = p->next) {
        uint32_t *indices = malloc(p->count * sizeof *indices);
        unsigned char *bytes = NULL;
        uint32_t changed = 0;
        if (!indices) die("memory");
        for (uint32_t i = 0; i < p->count; i++) {
            const unsigned char *now = r->at + (p->first + i) * PAGE;
            if (p->errors[i] || !memcmp(now, p->before + i * PAGE, PAGE)) continue;
            memcpy(p->before + i * PAGE, now, PAGE);
            indices[changed++] = i;
        }
        if (changed) {
            bytes = malloc(changed * PAGE);
            if (!bytes) die("memory");
            for (uint32_t i = 0; i < changed; i++) memcpy(bytes + i * PAGE, p->before + indices[i] * PAGE, PAGE);
            uint32_t head[2] = { p->id, changed }, follow;
            struct iovec parts[4] = { { 0 }, { head, sizeof head }, { indices, changed * sizeof *indices }, { bytes, changed * PAGE } };
            int error = ask(WRITE_PAGES, parts, 4, &follow);
            if (error) {
                errno = error;
                die("writing another domain's pages");
            }
        }
        free(indices);
        free(bytes);
    }
}

static void write_back_all(void)
{
    for (struct region *r = regions; r; r = r->next) write_back(r);
}

static int unmap_region(void *address, size_t length)
{
    for (struct region **link = &regions; *link; link = &(*link)->next) {
        struct region *r = *link;
        if (r->at != address) continue;
        if (connected_by == getpid()) write_back(r);
        for (struct piece *p = r->pieces, *next; p; p = next) {
            next = p->next;
            if (connected_by == getpid()) tell(UNMAP, p->id);
            free(p->before);
            free(p->errors);
            free(p);
        }
        *link = r->next;
        free(r);
        return genuine_munmap(address, length);
    }
    return -2;
}

/* Take a mapping's answer into a region, from page `first` on. */
static void take_pages(struct region *r, size_t first)
{
    uint32_t head[2];
    receive(head, sizeof head);
    struct piece *p = calloc(1, sizeof *p);
    if (!p) die("memory");
    *p = (struct piece){ head[0], head[1], first, malloc(head[1] * PAGE), malloc(head[1] * sizeof(uint32_t)), r->pieces };
    if (!p->before || !p->errors) die("memory");
    receive(p->errors, head[1] * sizeof(uint32_t));
    receive(p->before, head[1] * PAGE);
    memcpy(r->at + first * PAGE, p->before, head[1] * PAGE);
    r->pieces = p;
}

/*
 * Tools that try page by page what a domain has (dump-core, over the hole below the special pages) would ask a million times. What is not there
 * is asked for ahead, and believed until the next hypercall.
 */
#define AHEAD 4096U
static struct {
    uint32_t domid, count, errors[AHEAD];
    uint64_t first;
} ahead;

static void look_ahead(uint32_t domid, uint64_t first)
{
    struct { uint32_t domid, count; uint64_t first; } body = { domid, AHEAD, first };
    struct iovec parts[2] = { { 0 }, { &body, sizeof body } };
    uint32_t follow;
    ahead.count = 0;
    if (ask(LOOK, parts, 2, &follow) || follow != sizeof ahead.errors) {
        while (follow > 0) {
            char rest[256];
            uint32_t n = follow < sizeof rest ? follow : (uint32_t)sizeof rest;
            receive(rest, n);
            follow -= n;
        }
        return;
    }
    receive(ahead.errors, sizeof ahead.errors);
    ahead.domid = domid;
    ahead.first = first;
    ahead.count = AHEAD;
}

/* Is a page known not to be there? Its errno, or 0. */
static int known_absent(uint32_t domid, uint64_t frame)
{
    if (ahead.domid != domid || frame < ahead.first || frame - ahead.first >= ahead.count) return 0;
    return (int)ahead.errors[frame - ahead.first];
}

/* Map frames of a domain; `results` gets a negative errno or 0 for each. 0, or an errno. */
static int map_foreign(uint32_t domid, unsigned char *at, const uint64_t *frames, uint32_t count, int *results)
{
    struct region *r = region_of(at, count * PAGE);
    if (!r) return EINVAL;
    if (count == 1 && known_absent(domid, frames[0])) {
        results[0] = -known_absent(domid, frames[0]);
        return 0;
    }
    for (uint32_t done = 0; done < count; done += BATCH) {
        uint32_t n = count - done < BATCH ? count - done : BATCH, head[2] = { domid, n }, follow;
        struct iovec parts[3] = { { 0 }, { head, sizeof head }, { (void *)(frames + done), n * sizeof *frames } };
        int error = ask(MAP_FOREIGN, parts, 3, &follow);
        if (error) return error;
        take_pages(r, (size_t)(at - r->at) / PAGE + done);
        for (uint32_t i = 0; i < n; i++) results[done + i] = -(int)r->pieces->errors[i];
    }
    if (count == 1 && results[0]) look_ahead(domid, frames[0]);
    return 0;
}

/* ---- the privcmd device ------------------------------------------------------------------------------------------- */

/* What Linux's privcmd device takes (include/uapi/xen/privcmd.h). */
struct call { uint64_t nr, args[5]; };
struct mmap_entry { uint64_t va, mfn, npages; };
struct mmap_call { int32_t num; uint16_t dom; struct mmap_entry *entries; };
struct batch { int32_t num; uint16_t dom; uint64_t addr; uint64_t *frames; };
struct batch2 { uint32_t num; uint16_t dom; uint64_t addr; const uint64_t *frames; int *errors; };
struct dm_op { uint16_t dom, num; void *buffers; };
struct resource { uint16_t dom; uint32_t type, id, idx; uint64_t num, addr; };

#define DM_OP_CALL 41

static long hypercall(uint64_t nr, const uint64_t *args)
{
    struct { uint64_t nr, args[5]; uint32_t count, zero; } head = { .nr = nr };
    uint32_t n = 0, follow;
    int64_t result;
    memcpy(head.args, args, sizeof head.args);
    write_back_all();
    ahead.count = 0;
    for (struct buffer *b = buffers; b; b = b->next) if (b->at >= window_base && b->at < window_base + window_size) n++;
    head.count = n;
    struct iovec *parts = calloc(3 + n, sizeof *parts);
    uint64_t(*places)[2] = calloc(n + 1, sizeof *places);
    if (!parts || !places) die("memory");
    n = 0;
    for (struct buffer *b = buffers; b; b = b->next) {
        if (b->at < window_base || b->at >= window_base + window_size) continue;
        places[n][0] = b->at;
        places[n][1] = b->length;
        parts[3 + n++] = (struct iovec){ (void *)b->at, b->length };
    }
    parts[1] = (struct iovec){ &head, sizeof head };
    parts[2] = (struct iovec){ places, n * sizeof *places };
    int error = ask(HYPERCALL, parts, 3 + (int)n, &follow);
    if (error) {
        errno = error;
        die("a hypercall was not understood");
    }
    receive(&result, sizeof result);
    for (uint32_t i = 0; i < n; i++) receive(parts[3 + i].iov_base, parts[3 + i].iov_len);
    if (getenv("ZENDO_TRACE")) {
        const uint32_t *first = args[0] >= window_base && args[0] < window_base + window_size ? (const uint32_t *)args[0] : NULL;
        fprintf(stderr, "hypercall %llu (%llx, %llx, %llx)", (unsigned long long)nr, (unsigned long long)args[0], (unsigned long long)args[1], (unsigned long long)args[2]);
        if (first) fprintf(stderr, " cmd %u", first[0]);
        fprintf(stderr, " = %lld\n", (long long)result);
    }
    free(places);
    free(parts);
    return (long)result;
}

static int answer(long result)
{
    if (result >= 0) return (int)result;
    errno = (int)-result;
    return -1;
}

static int control(unsigned long number, void *argument)
{
    attach();
    switch (_IOC_NR(number)) {
    case 0: {
        const struct call *c = argument;
        return answer(hypercall(c->nr, c->args));
    }
    case 2: {
        const struct mmap_call *c = argument;
        for (int i = 0; i < c->num; i++) {
            const struct mmap_entry *e = &c->entries[i];
            uint64_t *frames = malloc(e->npages * sizeof *frames);
            int *errors = malloc(e->npages * sizeof *errors), error, bad = 0;
            if (!frames || !errors) die("memory");
            for (uint64_t k = 0; k < e->npages; k++) frames[k] = e->mfn + k;
            error = map_foreign(c->dom, (unsigned char *)e->va, frames, (uint32_t)e->npages, errors);
            for (uint64_t k = 0; k < e->npages && !error && !bad; k++) bad = -errors[k];
            free(frames);
            free(errors);
            if (error || bad) return answer(-(error ? error : bad));
        }
        return 0;
    }
    case 3: {
        struct batch *c = argument;
        int *errors = malloc((size_t)c->num * sizeof *errors);
        if (!errors) die("memory");
        int error = map_foreign(c->dom, (unsigned char *)c->addr, c->frames, (uint32_t)c->num, errors);
        for (int i = 0; i < c->num && !error; i++) if (errors[i]) c->frames[i] |= 0xf0000000;
        free(errors);
        return answer(-error);
    }
    case 4: {
        const struct batch2 *c = argument;
        return answer(-map_foreign(c->dom, (unsigned char *)c->addr, c->frames, c->num, c->errors));
    }
    case 5: {
        const struct dm_op *c = argument;
        return answer(hypercall(DM_OP_CALL, (uint64_t[5]){ c->dom, 0, 0 }));
    }
    case 7: {
        struct resource *c = argument;
        struct region *r = c->num ? region_of((void *)c->addr, c->num * PAGE) : NULL;
        struct { uint32_t dom, type, id, count; uint64_t frame; } body = { c->dom, c->type, c->id, (uint32_t)c->num, c->idx };
        struct iovec parts[2] = { { 0 }, { &body, sizeof body } };
        uint32_t follow;
        if (c->num && !r) return answer(-EINVAL);
        int error = ask(MAP_RESOURCE, parts, 2, &follow);
        if (error) return answer(-error);
        if (!c->num) {
            uint32_t size;
            receive(&size, sizeof size);
            c->num = size;
        } else take_pages(r, (size_t)((unsigned char *)c->addr - r->at) / PAGE);
        return 0;
    }
    default:
        return answer(-ENOTTY);
    }
}

/* ---- what tools call -------------------------------------------------------------------------------------------- */

static enum device device_of(int fd)
{
    return fd >= 0 && fd < FDS ? devices[fd] : NONE;
}

/* Where a path of a Xen host leads here; into `room` when it is another one. */
static const char *here(const char *path, char *room)
{
    static const char *const hosts[] = { "/etc/xen", "/run/xen", "/var/run/xen", "/var/lib/xen", "/var/log/xen", "/var/lock", "/run/lock/xl", "/proc/xen", "/sys/hypervisor", "/sys/bus/xen-backend", "/sys/bus/pci", "/usr/lib/xen-4.17", "/dev/xen" };
    const char *root = getenv("ZENDO_ROOT");
    if (!root || !path) return path;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        size_t n = strlen(hosts[i]);
        if (strncmp(path, hosts[i], n) || (path[n] && path[n] != '/' && strcmp(hosts[i], "/var/run/xen") && strcmp(hosts[i], "/run/lock/xl"))) continue;
        if (snprintf(room, 4096, "%s%s", root, path) >= 4096) return path;
        return room;
    }
    return path;
}

static int open_device(const char *path, int flags)
{
    enum device device = NONE;
    if (!path) return -2;
    if (!strcmp(path, "/dev/xen/privcmd") || !strcmp(path, "/proc/xen/privcmd")) device = PRIVCMD;
    if (!strcmp(path, "/dev/xen/hypercall")) device = BUFFERS;
    if (device == NONE) return -2;
    GENUINE(int, "open", const char *, int, ...);
    int fd = genuine("/dev/null", O_RDWR | (flags & O_CLOEXEC));
    if (fd >= FDS) {
        close(fd);
        errno = EMFILE;
        return -1;
    }
    if (fd >= 0) devices[fd] = device;
    return fd;
}

/* A console's tty is a Unix socket here: it is opened by connecting. */
static int open_socket(const char *path, int error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (error == ENXIO && strlen(path) < sizeof address.sun_path) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        strcpy(address.sun_path, path);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
        if (fd >= 0) close(fd);
    }
    errno = error;
    return -1;
}

#define OPEN(name)                                                   \
    int name(const char *path, int flags, ...)                       \
    {                                                                \
        char room[4096];                                             \
        va_list list;                                                \
        va_start(list, flags);                                       \
        mode_t mode = va_arg(list, mode_t);                          \
        va_end(list);                                                \
        GENUINE(int, #name, const char *, int, ...);                 \
        int fd = open_device(path, flags);                           \
        if (fd == -2) fd = genuine(here(path, room), flags, mode);   \
        return fd < 0 ? open_socket(path, errno) : fd;               \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                 \
    int name(int folder, const char *path, int flags, ...)           \
    {                                                                \
        char room[4096];                                             \
        va_list list;                                                \
        va_start(list, flags);                                       \
        mode_t mode = va_arg(list, mode_t);                          \
        va_end(list);                                                \
        GENUINE(int, #name, int, const char *, int, ...);            \
        int fd = open_device(path, flags);                           \
        return fd != -2 ? fd : genuine(folder, here(path, room), flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

#define ON_PATH(type, name, parameters, types, ...)                  \
    type name parameters                                             \
    {                                                                \
        char room[4096];                                             \
        static type(*genuine) types;                                 \
        if (!genuine) genuine = (type(*) types)dlsym(RTLD_NEXT, #name); \
        return genuine(__VA_ARGS__);                                 \
    }
ON_PATH(FILE *, fopen, (const char *path, const char *mode), (const char *, const char *), here(path, room), mode)
ON_PATH(FILE *, fopen64, (const char *path, const char *mode), (const char *, const char *), here(path, room), mode)
ON_PATH(int, __open_2, (const char *path, int flags), (const char *, int), here(path, room), flags)
ON_PATH(int, __open64_2, (const char *path, int flags), (const char *, int), here(path, room), flags)
ON_PATH(int, stat, (const char *path, struct stat *into), (const char *, struct stat *), here(path, room), into)
ON_PATH(int, stat64, (const char *path, struct stat64 *into), (const char *, struct stat64 *), here(path, room), into)
ON_PATH(int, lstat, (const char *path, struct stat *into), (const char *, struct stat *), here(path, room), into)
ON_PATH(int, lstat64, (const char *path, struct stat64 *into), (const char *, struct stat64 *), here(path, room), into)
ON_PATH(int, access, (const char *path, int mode), (const char *, int), here(path, room), mode)
ON_PATH(int, mkdir, (const char *path, mode_t mode), (const char *, mode_t), here(path, room), mode)
ON_PATH(int, rmdir, (const char *path), (const char *), here(path, room))
ON_PATH(int, unlink, (const char *path), (const char *), here(path, room))
ON_PATH(int, statvfs, (const char *path, struct statvfs *into), (const char *, struct statvfs *), here(path, room), into)
ON_PATH(int, execv, (const char *path, char *const words[]), (const char *, char *const *), here(path, room), words)
ON_PATH(int, execvp, (const char *path, char *const words[]), (const char *, char *const *), here(path, room), words)
ON_PATH(DIR *, opendir, (const char *path), (const char *), here(path, room))

ON_PATH(int, glob, (const char *path, int flags, int (*error)(const char *, int), glob_t *into), (const char *, int, int (*)(const char *, int), glob_t *), here(path, room), flags, error, into)
ON_PATH(int, glob64, (const char *path, int flags, int (*error)(const char *, int), glob64_t *into), (const char *, int, int (*)(const char *, int), glob64_t *), here(path, room), flags, error, into)

int execl(const char *path, const char *word, ...)
{
    char *words[64] = { (char *)word };
    va_list list;
    va_start(list, word);
    for (int n = 1; n < 63 && words[n - 1]; n++) words[n] = va_arg(list, char *);
    va_end(list);
    return execv(path, words);
}

int rename(const char *from, const char *to)
{
    char room[4096], other[4096];
    GENUINE(int, "rename", const char *, const char *);
    return genuine(here(from, room), here(to, other));
}

int close(int fd)
{
    GENUINE(int, "close", int);
    if (device_of(fd) != NONE) devices[fd] = NONE;
    return genuine(fd);
}

int ioctl(int fd, unsigned long number, ...)
{
    va_list list;
    va_start(list, number);
    void *argument = va_arg(list, void *);
    va_end(list);
    GENUINE(int, "ioctl", int, unsigned long, ...);
    if (device_of(fd) != PRIVCMD) return genuine(fd, number, argument);
    pthread_mutex_lock(&lock);
    int result = control(number, argument), error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

static void *map(void *address, size_t length, int prot, int flags, int fd, off_t offset)
{
    find_mappers();
    enum device device = flags & MAP_ANONYMOUS ? NONE : device_of(fd);
    if (device == NONE) return genuine_mmap(address, length, prot, flags, fd, offset);
    pthread_mutex_lock(&lock);
    void *got = device == BUFFERS ? map_buffer(length) : map_region(address, length, prot, flags);
    pthread_mutex_unlock(&lock);
    return got;
}

void *mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset)
{
    return map(address, length, prot, flags, fd, offset);
}

void *mmap64(void *address, size_t length, int prot, int flags, int fd, off_t offset)
{
    return map(address, length, prot, flags, fd, offset);
}

int munmap(void *address, size_t length)
{
    find_mappers();
    if (!buffers && !regions) return genuine_munmap(address, length);
    pthread_mutex_lock(&lock);
    int result = unmap_buffer(address, length);
    if (result == -2) result = unmap_region(address, length);
    pthread_mutex_unlock(&lock);
    return result == -2 ? genuine_munmap(address, length) : result;
}
