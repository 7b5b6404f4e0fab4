#include "core/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace amalgam::core {

namespace {

FileDescriptor open_for_appending(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (file.get() < 0) throw write_error(errno, path);
  return file;
}

}  // namespace

Journal::Journal(std::string path) : path_(std::move(path)), file_(open_for_appending(path_)) { cut_torn_line(); }

void Journal::cut_torn_line() const {
  struct stat status{};
  if (::fstat(file_.get(), &status) != 0) throw write_error(errno, path_);
  if (!S_ISREG(status.st_mode))
    throw Error("write-failed", "The file for results is no regular file.").at_path(path_);
  char piece[4096];
  off_t end = status.st_size;
  while (end > 0) {
    const off_t begin = std::max<off_t>(0, end - static_cast<off_t>(sizeof piece));
    const ssize_t got = ::pread(file_.get(), piece, static_cast<std::size_t>(end - begin), begin);
    if (got != end - begin) throw Error("file-unreadable", "The file for results cannot be read.").at_path(path_);
    if (const void* feed = ::memrchr(piece, '\n', static_cast<std::size_t>(got))) {
      end = begin + (static_cast<const char*>(feed) - piece) + 1;
      break;
    }
    end = begin;
  }
  if (end != status.st_size && ::ftruncate(file_.get(), end) != 0) throw write_error(errno, path_);
}

std::uint64_t Journal::bytes() const {
  struct stat status{};
  if (::fstat(file_.get(), &status) != 0) throw write_error(errno, path_);
  return static_cast<std::uint64_t>(status.st_size);
}

void Journal::cut_to(std::uint64_t length) {
  if (bytes() < length) throw Error("file-changed", "The journal has lost lines since it was written.").at_path(path_);
  if (::ftruncate(file_.get(), static_cast<off_t>(length)) != 0) throw write_error(errno, path_);
}

void Journal::append(const std::vector<Json>& lines) {
  if (lines.empty()) return;
  std::string text;
  for (const Json& line : lines) text += line.dump() + "\n";
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t wrote = ::write(file_.get(), text.data() + written, text.size() - written);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) throw write_error(errno, path_);
    written += static_cast<std::size_t>(wrote);
  }
  if (::fsync(file_.get()) != 0) throw write_error(errno, path_);
}

}  // namespace amalgam::core
