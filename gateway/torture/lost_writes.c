/* What a process writes below one folder, and what it asks to be synced, as a record in the order it happened.
 *
 * Preloaded (LD_PRELOAD) into the process under test. After the process is killed, gateway/torture/disk.py reads the
 * record and rebuilds the files as they may be after the power went: synced octets are there, others perhaps, in parts.
 * The same library makes calls fail (EIO, ENOSPC) or wait, as a page of shared memory tells it while the process runs.
 *
 * Order is what counts. A write is recorded after it was done; a sync's beginning before it and its end after it, so
 * that only writes recorded before the beginning are claimed to be on the disk. What goes into a socket is recorded
 * while nothing else can be: an acknowledgement stands exactly where it left.
 *
 * A record is: kind (1 octet), length of the rest (4), then the fields; numbers are little-endian, as on x86 and ARM.
 * Not seen: memory maps (SQLite maps its shared index alone, which is made anew after a crash) and io_uring.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MOST_FDS 65536
#define WAIT_NS 1000000 /* how often a call that waits looks whether it may go on: 1 ms */

enum { NOTHING, A_FILE, A_FOLDER, A_SOCKET };
enum { OPENED = 'O', WROTE = 'W', CUT = 'T', SYNC = 'S', SYNCED = 'D', SYNC_FAILED = 'F', GONE = 'U', RENAMED = 'R',
       SENT = 'N', CLOSED = 'C' };
enum { CALL_WRITE = 1, CALL_SYNC = 2, CALL_CUT = 4, CALL_OPEN = 8 };

/* gateway/torture/lost_writes.py writes the first five fields and reads the others. */
struct control {
    int32_t calls;   /* which calls fail: a sum of CALL_ */
    int32_t error;   /* with which errno */
    int64_t nth;     /* from the how-manieth such call on, counted since it was told */
    int32_t forever; /* not only that one */
    int32_t wait;    /* calls of this kind wait while it is set */
    int64_t passed;  /* such calls since then */
    int64_t failed;  /* how many of them failed */
    int64_t waiting; /* how many wait now */
    char only[64];   /* files whose name ends so; empty: all */
};

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_send)(int, const void *, size_t, int);
static ssize_t (*real_sendmsg)(int, const struct msghdr *, int);
static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);

static pthread_once_t begun = PTHREAD_ONCE_INIT;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX];
static size_t folder_length;
static int record = -1;
static struct control *control;
static unsigned char kinds[MOST_FDS];
static uint64_t inodes[MOST_FDS];
static char names[MOST_FDS][32]; /* how each file's name ends */

static void begin(void) {
    *(void **)&real_write = dlsym(RTLD_NEXT, "write");
    *(void **)&real_pwrite = dlsym(RTLD_NEXT, "pwrite");
    *(void **)&real_writev = dlsym(RTLD_NEXT, "writev");
    *(void **)&real_send = dlsym(RTLD_NEXT, "send");
    *(void **)&real_sendmsg = dlsym(RTLD_NEXT, "sendmsg");
    *(void **)&real_open = dlsym(RTLD_NEXT, "open");
    *(void **)&real_openat = dlsym(RTLD_NEXT, "openat");
    *(void **)&real_close = dlsym(RTLD_NEXT, "close");
    *(void **)&real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
    *(void **)&real_fsync = dlsym(RTLD_NEXT, "fsync");
    *(void **)&real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    *(void **)&real_unlink = dlsym(RTLD_NEXT, "unlink");
    *(void **)&real_rename = dlsym(RTLD_NEXT, "rename");
    const char *watched = getenv("KWEK_DISK_FOLDER"), *log = getenv("KWEK_DISK_RECORD");
    const char *page = getenv("KWEK_DISK_CONTROL");
    if (!watched || !log || !page || !realpath(watched, folder)) return;
    folder_length = strlen(folder);
    int shared = real_open(page, O_RDWR | O_CLOEXEC);
    if (shared >= 0) {
        void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
        control = at == MAP_FAILED ? NULL : at;
        real_close(shared);
    }
    record = real_open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

#define BEGIN pthread_once(&begun, begin)

/* ------------------------------------------------------------------------------------------------- the record */

static void whole(int fd, struct iovec *parts, int count) {
    while (count > 0) {
        ssize_t done = real_writev(fd, parts, count);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) { perror("the record of the disk"); abort(); }
        while (count > 0 && (size_t)done >= parts->iov_len) { done -= parts->iov_len; parts++; count--; }
        if (count > 0) { parts->iov_base = (char *)parts->iov_base + done; parts->iov_len -= done; }
    }
}

/* One record: a number that says which file, another, and octets. */
static void note(char kind, uint64_t which, uint64_t number, const void *octets, size_t length) {
    char head[21];
    uint32_t rest = 16 + length;
    head[0] = kind;
    memcpy(head + 1, &rest, 4);
    memcpy(head + 5, &which, 8);
    memcpy(head + 13, &number, 8);
    struct iovec parts[2] = {{head, sizeof head}, {(void *)octets, length}};
    int kept = errno;
    whole(record, parts, length ? 2 : 1);
    errno = kept;
}

static int kind_of(int fd) { return record >= 0 && fd >= 0 && fd < MOST_FDS ? kinds[fd] : NOTHING; }

static int is_ours(const char *path, char *whole_path) {
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (strlen(path) >= sizeof parent) return 0;
    if (!slash) strcpy(parent, ".");
    else if (slash == path) strcpy(parent, "/");
    else { memcpy(parent, path, slash - path); parent[slash - path] = 0; }
    if (!realpath(parent, whole_path)) return 0;
    size_t length = strlen(whole_path);
    const char *last = slash ? slash + 1 : path;
    if (length + strlen(last) + 2 > PATH_MAX) return 0;
    if (length > 1) whole_path[length++] = '/';
    strcpy(whole_path + length, last);
    return !strncmp(whole_path, folder, folder_length) &&
           (whole_path[folder_length] == 0 || whole_path[folder_length] == '/');
}

/* The path below the folder. */
static const char *below(const char *whole_path) { return whole_path + folder_length + 1; }

static int is_memory(const char *name) {
    size_t length = strlen(name);
    return length > 4 && !strcmp(name + length - 4, "-shm");
}

/* ------------------------------------------------------------------------------------------------ faults on order */

static int concerns(int call, const char *name) {
    if (!control || !(control->calls & call)) return 0;
    size_t length = strlen(name), wanted = strnlen(control->only, sizeof control->only);
    return wanted <= length && !strncmp(name + length - wanted, control->only, wanted);
}

/* The errno with which this call fails now, or 0; waits first, where it is told to. */
static int verdict(int call, const char *name) {
    if (!concerns(call, name)) return 0;
    if (control->wait) {
        struct timespec pause = {0, WAIT_NS};
        __atomic_add_fetch(&control->waiting, 1, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(&control->wait, __ATOMIC_SEQ_CST)) nanosleep(&pause, NULL);
        __atomic_sub_fetch(&control->waiting, 1, __ATOMIC_SEQ_CST);
    }
    int64_t number = __atomic_add_fetch(&control->passed, 1, __ATOMIC_SEQ_CST);
    if (!control->error || number < control->nth || (number > control->nth && !control->forever)) return 0;
    __atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
    return control->error;
}

/* ------------------------------------------------------------------------------------------------------ the calls */

static void opened(int fd, const char *path, int flags, int was_there) {
    char whole_path[PATH_MAX];
    struct stat found;
    if (fd < 0 || fd >= MOST_FDS || record < 0 || !is_ours(path, whole_path) || fstat(fd, &found)) return;
    if (S_ISDIR(found.st_mode)) {
        kinds[fd] = A_FOLDER;
        return;
    }
    if (!S_ISREG(found.st_mode) || is_memory(whole_path)) return;
    const char *name = below(whole_path);
    size_t length = strlen(name), kept = length < sizeof names[fd] ? length : sizeof names[fd] - 1;
    strcpy(names[fd], name + length - kept);
    inodes[fd] = found.st_ino;
    kinds[fd] = A_FILE;
    note(OPENED, found.st_ino, !was_there, name, length);
    if (flags & O_TRUNC) note(CUT, found.st_ino, 0, NULL, 0);
}

static int open_any(int at, const char *path, int flags, mode_t mode) {
    BEGIN;
    char whole_path[PATH_MAX];
    struct stat found;
    int ours = at == AT_FDCWD && record >= 0 && is_ours(path, whole_path);
    if (!ours) return real_openat(at, path, flags, mode);
    int error = flags & O_CREAT ? verdict(CALL_OPEN, whole_path) : 0;
    if (error) { errno = error; return -1; }
    pthread_mutex_lock(&order);
    int was_there = !stat(path, &found);
    int fd = real_openat(at, path, flags, mode);
    int kept = errno;
    opened(fd, path, flags, was_there);
    pthread_mutex_unlock(&order);
    errno = kept;
    return fd;
}

static mode_t mode_of(int flags, va_list more) {
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
    va_list more; va_start(more, flags); mode_t mode = mode_of(flags, more); va_end(more);
    return open_any(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    va_list more; va_start(more, flags); mode_t mode = mode_of(flags, more); va_end(more);
    return open_any(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int openat(int at, const char *path, int flags, ...) {
    va_list more; va_start(more, flags); mode_t mode = mode_of(flags, more); va_end(more);
    return open_any(at, path, flags, mode);
}
int openat64(int at, const char *path, int flags, ...) {
    va_list more; va_start(more, flags); mode_t mode = mode_of(flags, more); va_end(more);
    return open_any(at, path, flags | O_LARGEFILE, mode);
}

int close(int fd) {
    BEGIN;
    if (kind_of(fd) == A_SOCKET) note(CLOSED, fd, 0, NULL, 0);
    if (fd >= 0 && fd < MOST_FDS) kinds[fd] = NOTHING;
    return real_close(fd);
}

int socket(int domain, int type, int protocol) {
    BEGIN;
    int fd = syscall(SYS_socket, domain, type, protocol);
    if (record >= 0 && fd >= 0 && fd < MOST_FDS && domain != AF_UNIX && (type & 0xf) == SOCK_STREAM) kinds[fd] = A_SOCKET;
    return fd;
}

static ssize_t write_at(int fd, const void *octets, size_t length, off_t at) {
    int error = verdict(CALL_WRITE, names[fd]);
    if (error) { errno = error; return -1; }
    pthread_mutex_lock(&order);
    ssize_t done = at < 0 ? real_write(fd, octets, length) : real_pwrite(fd, octets, length, at);
    if (done > 0) {
        off_t began = at < 0 ? lseek(fd, 0, SEEK_CUR) - done : at;
        note(WROTE, inodes[fd], began, octets, done);
    }
    pthread_mutex_unlock(&order);
    return done;
}

/* What went into a socket: so many octets of these parts. */
static void sent(int fd, const struct iovec *parts, ssize_t done) {
    for (; done > 0; parts++) {
        size_t length = (size_t)done < parts->iov_len ? (size_t)done : parts->iov_len;
        if (length) note(SENT, fd, 0, parts->iov_base, length);
        done -= length;
    }
}

ssize_t write(int fd, const void *octets, size_t length) {
    BEGIN;
    int kind = kind_of(fd);
    if (kind == A_FILE) return write_at(fd, octets, length, -1);
    if (kind != A_SOCKET) return real_write(fd, octets, length);
    return send(fd, octets, length, 0);
}
ssize_t pwrite(int fd, const void *octets, size_t length, off_t at) {
    BEGIN;
    return kind_of(fd) == A_FILE ? write_at(fd, octets, length, at) : real_pwrite(fd, octets, length, at);
}
ssize_t pwrite64(int fd, const void *octets, size_t length, off_t at) { return pwrite(fd, octets, length, at); }

ssize_t send(int fd, const void *octets, size_t length, int flags) {
    BEGIN;
    if (kind_of(fd) != A_SOCKET) return real_send(fd, octets, length, flags);
    struct iovec part = {(void *)octets, length};
    pthread_mutex_lock(&order);
    ssize_t done = real_send(fd, octets, length, flags);
    sent(fd, &part, done);
    pthread_mutex_unlock(&order);
    return done;
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    BEGIN;
    int kind = kind_of(fd);
    if (kind == A_FILE) { errno = ENOTSUP; return -1; } /* nobody does; unseen it would be a lie */
    if (kind != A_SOCKET) return real_writev(fd, parts, count);
    pthread_mutex_lock(&order);
    ssize_t done = real_writev(fd, parts, count);
    sent(fd, parts, done);
    pthread_mutex_unlock(&order);
    return done;
}
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    BEGIN;
    if (kind_of(fd) != A_SOCKET) return real_sendmsg(fd, message, flags);
    pthread_mutex_lock(&order);
    ssize_t done = real_sendmsg(fd, message, flags);
    sent(fd, message->msg_iov, done);
    pthread_mutex_unlock(&order);
    return done;
}

int ftruncate(int fd, off_t length) {
    BEGIN;
    if (kind_of(fd) != A_FILE) return real_ftruncate(fd, length);
    int error = verdict(CALL_CUT, names[fd]);
    if (error) { errno = error; return -1; }
    pthread_mutex_lock(&order);
    int done = real_ftruncate(fd, length);
    if (!done) note(CUT, inodes[fd], length, NULL, 0);
    pthread_mutex_unlock(&order);
    return done;
}
int ftruncate64(int fd, off_t length) { return ftruncate(fd, length); }

static int sync_by(int (*real)(int), int fd) {
    int kind = kind_of(fd);
    if (kind != A_FILE && kind != A_FOLDER) return real(fd);
    uint64_t which = kind == A_FILE ? inodes[fd] : 0; /* 0: the folder's names */
    int error = verdict(CALL_SYNC, kind == A_FILE ? names[fd] : "");
    pthread_mutex_lock(&order);
    note(SYNC, which, syscall(SYS_gettid), NULL, 0);
    pthread_mutex_unlock(&order);
    int done = error ? -1 : real(fd);
    if (error) errno = error;
    pthread_mutex_lock(&order);
    note(done ? SYNC_FAILED : SYNCED, which, syscall(SYS_gettid), NULL, 0);
    pthread_mutex_unlock(&order);
    return done;
}
int fsync(int fd) { BEGIN; return sync_by(real_fsync, fd); }
int fdatasync(int fd) { BEGIN; return sync_by(real_fdatasync, fd); }

int unlink(const char *path) {
    BEGIN;
    char whole_path[PATH_MAX];
    int ours = record >= 0 && is_ours(path, whole_path) && !is_memory(whole_path);
    if (!ours) return real_unlink(path);
    pthread_mutex_lock(&order);
    int done = real_unlink(path);
    if (!done) note(GONE, 0, 0, below(whole_path), strlen(below(whole_path)));
    pthread_mutex_unlock(&order);
    return done;
}
int rename(const char *old, const char *new) {
    BEGIN;
    char from[PATH_MAX], to[PATH_MAX];
    int ours = record >= 0 && is_ours(old, from) && is_ours(new, to);
    if (!ours) return real_rename(old, new);
    pthread_mutex_lock(&order);
    int done = real_rename(old, new);
    if (!done) { /* both names, with a zero octet between */
        char both[2 * PATH_MAX];
        size_t first = strlen(below(from)) + 1, second = strlen(below(to));
        memcpy(both, below(from), first);
        memcpy(both + first, below(to), second);
        note(RENAMED, 0, 0, both, first + second);
    }
    pthread_mutex_unlock(&order);
    return done;
}
