// The file into which a job writes what it has done, so that a crash costs little of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/json.h"

namespace amalgam::core {

/// JSON lines at the end of a file.
class Journal {
 public:
  /// Opens or creates the file. What follows its last line feed is a line torn by a crash and is cut off. Throws Error
  /// "file-unreadable", "write-failed", "disk-full".
  explicit Journal(std::string path);

  /// Appends the lines and returns when they are on the disk. Throws Error "write-failed", "disk-full".
  void append(const std::vector<Json>& lines);

  /// Bytes of its whole lines.
  std::uint64_t bytes() const;
  /// Cuts off what follows the first `bytes` bytes. Throws Error "file-changed" when there are fewer.
  void cut_to(std::uint64_t bytes);

 private:
  void cut_torn_line() const;

  std::string path_;
  FileDescriptor file_;
};

}  // namespace amalgam::core
