/* Preloaded into a process, makes chosen file operations fail. Steered by the environment:
 *   FAULT_CALLS  classes, separated by commas: create open write sync rename mkdir read reserve copy
 *   FAULT_PATH   only files whose path contains this text
 *   FAULT_NTH    which of the matching calls fails, from 1; 0 counts only
 *   FAULT_ON     "1": all later ones fail as well
 *   FAULT_KIND   ENOSPC EIO EACCES EROFS SHORT EOF
 *   FAULT_TALLY  a file that gets "m" for each matching call and "f" for each that was made to fail
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *calls, *pattern, *kind;
static long nth;
static int onwards, tally = -1;
static atomic_long matched;

__attribute__((constructor)) static void begin(void) {
  const char *number = getenv("FAULT_NTH"), *file = getenv("FAULT_TALLY");
  calls = getenv("FAULT_CALLS");
  pattern = getenv("FAULT_PATH");
  kind = getenv("FAULT_KIND");
  nth = number ? atol(number) : 0;
  onwards = getenv("FAULT_ON") != NULL;
  if (file) tally = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_chosen(const char *name) {
  const size_t length = strlen(name);
  for (const char *at = calls; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
    if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == 0)) return 1;
  return 0;
}

static int strikes(const char *name, const char *path) {
  if (!calls || !pattern || !is_chosen(name) || !path || !strstr(path, pattern)) return 0;
  const long number = atomic_fetch_add(&matched, 1) + 1;
  const int hit = nth > 0 && (number == nth || (onwards && number > nth));
  if (tally >= 0) syscall(SYS_write, tally, hit ? "mf" : "m", hit ? 2 : 1);
  return hit;
}

static int strikes_fd(const char *name, int fd) {
  char link[64], path[PATH_MAX];
  if (!calls || !is_chosen(name)) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strikes(name, path);
}

static int is_kind(const char *name) { return kind && strcmp(kind, name) == 0; }

static long failing(void) {
  errno = is_kind("ENOSPC") ? ENOSPC : is_kind("EACCES") ? EACCES : is_kind("EROFS") ? EROFS : EIO;
  return -1;
}

/* What a struck transfer of `size` bytes does: fails, ends at once, or moves half (then *size is the half and 0 is returned). */
static int struck_transfer(size_t *size, ssize_t *answer) {
  if (is_kind("EOF")) return *answer = 0, 1;
  if (!is_kind("SHORT")) return *answer = failing(), 1;
  if (*size > 1) *size /= 2;
  return 0;
}

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define TRANSFER(name, class, data) \
  ssize_t name(int fd, data buffer, size_t size) { \
    REAL(name); \
    ssize_t answer; \
    if (strikes_fd(class, fd) && struck_transfer(&size, &answer)) return answer; \
    return real(fd, buffer, size); \
  }
TRANSFER(write, "write", const void *)
TRANSFER(read, "read", void *)

#define TRANSFER_AT(name, class, data, offset_type) \
  ssize_t name(int fd, data buffer, size_t size, offset_type at) { \
    REAL(name); \
    ssize_t answer; \
    if (strikes_fd(class, fd) && struck_transfer(&size, &answer)) return answer; \
    return real(fd, buffer, size, at); \
  }
TRANSFER_AT(pwrite, "write", const void *, off_t)
TRANSFER_AT(pwrite64, "write", const void *, off64_t)
TRANSFER_AT(pread, "read", void *, off_t)
TRANSFER_AT(pread64, "read", void *, off64_t)

/* A short transfer of several buffers moves half of the first one only. */
#define VECTOR(name, class) \
  ssize_t name(int fd, const struct iovec *parts, int count) { \
    REAL(name); \
    ssize_t answer; \
    if (count < 1 || !strikes_fd(class, fd)) return real(fd, parts, count); \
    struct iovec first = parts[0]; \
    if (struck_transfer(&first.iov_len, &answer)) return answer; \
    return real(fd, &first, 1); \
  }
VECTOR(writev, "write")
VECTOR(readv, "read")

#define SYNC(name) \
  int name(int fd) { \
    REAL(name); \
    return strikes_fd("sync", fd) ? (int)failing() : real(fd); \
  }
SYNC(fsync)
SYNC(fdatasync)

int rename(const char *from, const char *to) {
  REAL(rename);
  return strikes("rename", to) ? (int)failing() : real(from, to);
}

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  return strikes("mkdir", path) ? (int)failing() : real(path, mode);
}

int fallocate(int fd, int mode, off_t at, off_t size) {
  REAL(fallocate);
  return strikes_fd("reserve", fd) ? (int)failing() : real(fd, mode, at, size);
}

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t size, unsigned flags) {
  REAL(copy_file_range);
  return strikes_fd("copy", to) ? failing() : real(from, from_at, to, to_at, size, flags);
}

static int strikes_open(const char *path, int flags) {
  return strikes((flags & (O_WRONLY | O_RDWR | O_CREAT)) ? "create" : "open", path);
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; \
    va_start(rest, flags); \
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    return strikes_open(path, flags) ? (int)failing() : real(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

#define OPEN_AT(name) \
  int name(int folder, const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; \
    va_start(rest, flags); \
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    return strikes_open(path, flags) ? (int)failing() : real(folder, path, flags, mode); \
  }
OPEN_AT(openat)
OPEN_AT(openat64)
