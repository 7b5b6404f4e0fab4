// Files by descriptor: positional reads and writes with typed errors. User files are never mapped, because a mapped
// file that another program shortens ends the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/error.h"
#include "core/tensor.h"

namespace amalgam::core {

/// The error for a refused write or creation: "disk-full" when the disk or a quota is exhausted, else "write-failed".
Error write_error(int system_error, const std::string& path);

/// An open descriptor, closed with its owner.
class FileDescriptor {
 public:
  explicit FileDescriptor(int descriptor = -1) noexcept : descriptor_(descriptor) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

/// A regular file open for reading. Reads may run on several threads at once.
class InputFile {
 public:
  /// Throws Error "file-unreadable" when the path cannot be opened or is no regular file.
  explicit InputFile(std::string path);

  const std::string& path() const noexcept { return path_; }
  std::uint64_t size() const noexcept { return identity_.size; }

  /// Fills `out` with `bytes` bytes from `offset`. Throws "file-changed" when the file ends before that,
  /// "file-unreadable" when the system refuses.
  void read(std::uint64_t offset, std::size_t bytes, void* out) const;

  /// From now on read_within goes past the system's cache, where the system can and less than half of the file is in
  /// memory: without a second copy of every byte, and without driving out what others need. Not while reads run.
  void leave_cache() noexcept;

  /// Reads `bytes` bytes from `offset` to some place in `space`, which grows as needed, and returns that place. Throws
  /// what read throws.
  const std::byte* read_within(std::uint64_t offset, std::size_t bytes, Matrix<std::byte>& space) const;

  /// Asks the system to have these bytes in memory when they are read later; nothing where its cache is left aside.
  void prefetch(std::uint64_t offset, std::uint64_t bytes) const noexcept;

  /// Throws Error "file-changed" when size or modification time are not those seen at opening.
  void check_unchanged() const;

 private:
  struct Identity {
    std::uint64_t size = 0;
    std::int64_t modified_seconds = 0;
    std::int64_t modified_nanoseconds = 0;
    bool operator==(const Identity&) const = default;
  };
  Identity identify() const;
  bool read_past_cache(std::uint64_t offset, std::size_t length, std::size_t wanted, std::byte* place) const noexcept;

  std::string path_;
  FileDescriptor descriptor_;
  FileDescriptor uncached_;  ///< the same file without the system's cache, or none
  Identity identity_;
};

/// A new file being written. Removed again by the destructor unless finish() succeeded.
class OutputFile {
 public:
  /// Creates the file. Throws Error "write-failed" (also when something of that name exists) or "disk-full".
  explicit OutputFile(std::string path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  const std::string& path() const noexcept { return path_; }

  /// Asks the disk for `bytes` bytes, so that a full disk is known before the work and not after it. Throws
  /// "disk-full", "write-failed"; does nothing on file systems that cannot reserve.
  void reserve(std::uint64_t bytes);

  /// Writes all bytes at `offset`; several threads may write different places at once. Throws "disk-full",
  /// "write-failed".
  void write(std::uint64_t offset, std::size_t bytes, const void* data);

  /// Begins to move a written range to the disk, without waiting for it, so that the disk works while more is computed.
  void start_flush(std::uint64_t offset, std::uint64_t bytes) const noexcept;

  /// Waits until a written range is on its way to the disk: finish() in pieces, between which a job can be cancelled.
  void flush(std::uint64_t offset, std::uint64_t bytes) const noexcept;

  /// Forces the content to the disk and closes the file, which from now on stays.
  void finish();

 private:
  std::string path_;
  FileDescriptor descriptor_;
  bool finished_ = false;
};

}  // namespace amalgam::core
