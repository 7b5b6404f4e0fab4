#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

namespace amalgam::core {

namespace {

constexpr std::size_t largest_transfer_bytes = std::size_t{1} << 30;  // Linux moves at most 2 GiB per call

std::string system_words(int system_error) { return std::generic_category().message(system_error); }

Error read_error(int system_error, const std::string& path) {
  return Error("file-unreadable", "The file cannot be read: " + system_words(system_error) + ".")
      .at_path(path)
      .with_hint("Check that the file is there, that you may read it, and that its disk is sound.");
}

// What reading past the cache wants offset, length and place to be multiples of, on every disk in use.
constexpr std::size_t page_bytes = 4096;

std::size_t whole_pages(std::size_t bytes) { return (bytes + page_bytes - 1) / page_bytes * page_bytes; }

#ifdef __linux__
/// Bytes of the file that are in memory, or -1 where the system does not say (Linux before 6.5).
std::int64_t cached_bytes(int descriptor) {
  constexpr long cachestat = 451;  // the same number on every architecture
  struct {
    std::uint64_t offset;
    std::uint64_t bytes;  // 0: to the end
  } range{0, 0};
  struct {
    std::uint64_t cached, dirty, being_written, evicted, recently_evicted;
  } pages{};
  if (::syscall(cachestat, descriptor, &range, &pages, 0u) != 0) return -1;
  return static_cast<std::int64_t>(pages.cached) * ::sysconf(_SC_PAGESIZE);
}

bool same_file(int one, int other) {
  struct stat first {};
  struct stat second {};
  return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}
#endif

Error changed_error(const std::string& what, const std::string& path) {
  return Error("file-changed", "The file " + what + " while it was being read.")
      .at_path(path)
      .with_hint("Import it again when nothing writes to it any more.");
}

}  // namespace

Error write_error(int system_error, const std::string& path) {
  if (system_error == ENOSPC || system_error == EDQUOT) {
    return Error("disk-full", "The disk is full: " + system_words(system_error) + ".")
        .at_path(path)
        .with_hint("Free some space, or choose another output folder.");
  }
  return Error("write-failed", "The file cannot be written: " + system_words(system_error) + ".")
      .at_path(path)
      .with_hint("Check the disk and your rights there, or choose another output folder.");
}

FileDescriptor::~FileDescriptor() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

// O_NONBLOCK: opening a named pipe would otherwise wait for its other end. It changes nothing for regular files.
InputFile::InputFile(std::string path)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (descriptor_.get() < 0) throw read_error(errno, path_);
  identity_ = identify();
}

InputFile::Identity InputFile::identify() const {
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0) throw read_error(errno, path_);
  if (!S_ISREG(status.st_mode)) {
    throw Error("file-unreadable", "This is not a regular file.")
        .at_path(path_)
        .with_hint("Name a file of its own, no folder, pipe or device.");
  }
#ifdef __APPLE__
  const timespec modified = status.st_mtimespec;
#else
  const timespec modified = status.st_mtim;
#endif
  return {static_cast<std::uint64_t>(status.st_size), modified.tv_sec, modified.tv_nsec};
}

void InputFile::read(std::uint64_t offset, std::size_t bytes, void* out) const {
  auto* place = static_cast<char*>(out);
  while (bytes > 0) {
    const ssize_t got =
        ::pread(descriptor_.get(), place, std::min(bytes, largest_transfer_bytes), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw read_error(errno, path_);
    if (got == 0) throw changed_error("became shorter", path_);
    place += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
}

void InputFile::leave_cache() noexcept {
#ifdef __linux__
  const std::int64_t cached = cached_bytes(descriptor_.get());
  if (cached < 0 || static_cast<std::uint64_t>(cached) >= size() / 2) return;
  // Not every file system can; the path may lead to another file by now. Then reading goes on as before.
  FileDescriptor uncached(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_DIRECT));
  if (uncached.get() >= 0 && same_file(uncached.get(), descriptor_.get())) uncached_ = std::move(uncached);
#endif
}

const std::byte* InputFile::read_within(std::uint64_t offset, std::size_t bytes, Matrix<std::byte>& space) const {
  const std::size_t lead = offset % page_bytes;
  const std::size_t length = whole_pages(lead + bytes);
  space = Matrix<std::byte>::reusing(std::move(space), 1, static_cast<std::int64_t>(length + page_bytes));
  const auto address = reinterpret_cast<std::uintptr_t>(space.data());
  std::byte* place = space.data() + (whole_pages(address) - address);
  // Whatever goes wrong there goes wrong again here, with words for it.
  if (!read_past_cache(offset - lead, length, lead + bytes, place)) read(offset, bytes, place + lead);
  return place + lead;
}

/// Whole pages, of which the last may lie beyond the end of the file. False when the `wanted` bytes did not come.
bool InputFile::read_past_cache(std::uint64_t offset, std::size_t length, std::size_t wanted,
                                std::byte* place) const noexcept {
  if (uncached_.get() < 0) return false;
  for (std::size_t done = 0; done < wanted;) {
    const ssize_t got = ::pread(uncached_.get(), place + done, std::min(length - done, largest_transfer_bytes),
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    done += static_cast<std::size_t>(got);
    if (done < wanted && done % page_bytes != 0) return false;
  }
  return true;
}

void InputFile::prefetch(std::uint64_t offset, std::uint64_t bytes) const noexcept {
#ifdef __linux__
  if (uncached_.get() >= 0) return;
  // A wish: where it is not granted, reading only waits longer.
  static_cast<void>(::posix_fadvise(descriptor_.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes),
                                    POSIX_FADV_WILLNEED));
#else
  static_cast<void>(offset);
  static_cast<void>(bytes);
#endif
}

void InputFile::check_unchanged() const {
  if (identify() != identity_) throw changed_error("was changed", path_);
}

// O_EXCL: a file that is already there belongs to somebody, and must be neither emptied now nor removed on failure.
OutputFile::OutputFile(std::string path)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)) {
  if (descriptor_.get() < 0) throw write_error(errno, path_);
}

OutputFile::~OutputFile() {
  if (finished_) return;
  ::unlink(path_.c_str());
  // With the last descriptor the pages of the file go, which takes a third of a second for a gigabyte. Whoever
  // cancelled a job should not wait for that. (Where no thread can be had, the descriptor is closed here.)
  try {
    std::thread([descriptor = std::move(descriptor_)] {}).detach();
  } catch (const std::system_error&) {
    return;
  }
}

void OutputFile::reserve(std::uint64_t bytes) {
  if (bytes == 0) return;
  // Asked first, because a reservation that fails has taken all the space there is, until the file is closed. Some
  // network file systems report sizes of 0 and are taken at their word later.
  struct statvfs space {};
  if (::fstatvfs(descriptor_.get(), &space) == 0 && space.f_frsize > 0 && space.f_blocks > 0 &&
      bytes / space.f_frsize >= space.f_bavail) {
    throw write_error(ENOSPC, path_);
  }
#ifdef __linux__
  int result = 0;
  do {
    result = ::fallocate(descriptor_.get(), 0, 0, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
  } while (result == EINTR);
  if (result != 0 && result != EOPNOTSUPP && result != ENOSYS) throw write_error(result, path_);
#endif
}

void OutputFile::write(std::uint64_t offset, std::size_t bytes, const void* data) {
  const auto* place = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t put =
        ::pwrite(descriptor_.get(), place, std::min(bytes, largest_transfer_bytes), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw write_error(errno, path_);
    place += put;
    offset += static_cast<std::uint64_t>(put);
    bytes -= static_cast<std::size_t>(put);
  }
}

// Both are hints that may fail without harm: finish() forces out, and reports, whatever they left.
void OutputFile::start_flush(std::uint64_t offset, std::uint64_t bytes) const noexcept {
#ifdef __linux__
  ::sync_file_range(descriptor_.get(), static_cast<off64_t>(offset), static_cast<off64_t>(bytes),
                    SYNC_FILE_RANGE_WRITE);
#else
  static_cast<void>(offset);
  static_cast<void>(bytes);
#endif
}

void OutputFile::flush(std::uint64_t offset, std::uint64_t bytes) const noexcept {
#ifdef __linux__
  ::sync_file_range(descriptor_.get(), static_cast<off64_t>(offset), static_cast<off64_t>(bytes),
                    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
#else
  static_cast<void>(offset);
  static_cast<void>(bytes);
#endif
}

void OutputFile::finish() {
  if (::fsync(descriptor_.get()) != 0) throw write_error(errno, path_);
  descriptor_ = FileDescriptor();
  finished_ = true;
}

}  // namespace amalgam::core
