#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/tensor.h"
#include "runner.h"

using namespace amalgam::core;
using amalgam::test::scratch_folder;

namespace {

std::string make_file(const std::string& content) {
  const std::string path = scratch_folder() + "/file";
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  return path;
}

/// Writes the file to the disk and takes it out of memory, where the system does that.
void drop_from_cache(const std::string& path) {
#ifdef __linux__
  const FileDescriptor file(::open(path.c_str(), O_RDWR));
  CHECK_EQ(::fsync(file.get()), 0);
  CHECK_EQ(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
#else
  static_cast<void>(path);
#endif
}

}  // namespace

TEST("reading: any part, exactly") {
  const InputFile file(make_file("0123456789"));
  CHECK_EQ(file.size(), 10u);
  std::string part(4, ' ');
  file.read(3, part.size(), part.data());
  CHECK_EQ(part, "3456");
  file.read(10, 0, nullptr);
  file.check_unchanged();
}

TEST("reading within a space: any part, exactly, from memory and past the system's cache") {
  std::string content(50'001, ' ');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 31 + i / 4096);
  const std::string path = make_file(content);
  drop_from_cache(path);
  InputFile from_memory(path);
  InputFile from_disk(path);
  from_disk.leave_cache();
  for (const InputFile* file : {&from_disk, &from_memory}) {
    Matrix<std::byte> space;
    for (const std::size_t offset : {0u, 1u, 4095u, 4096u, 8195u, 49'999u}) {
      for (const std::size_t bytes : {1u, 2u, 4096u, 41'806u}) {
        if (offset + bytes > content.size()) continue;
        const std::byte* found = file->read_within(offset, bytes, space);
        CHECK(std::memcmp(found, content.data() + offset, bytes) == 0);
      }
    }
    CHECK_ERROR("file-changed", file->read_within(49'000, 1'002, space));
  }
}

TEST("a missing file, a folder and a pipe are unreadable") {
  const std::string missing = scratch_folder() + "/missing";
  CHECK_EQ(CHECK_ERROR("file-unreadable", InputFile(missing)).path, missing);
  CHECK_ERROR("file-unreadable", InputFile(scratch_folder()));
  const std::string pipe = scratch_folder() + "/pipe";
  CHECK_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  CHECK_ERROR("file-unreadable", InputFile(pipe));
}

TEST("a file that gets shorter while it is read") {
  const std::string path = make_file(std::string(10'000, 'x'));
  const InputFile file(path);
  CHECK_EQ(::truncate(path.c_str(), 5'000), 0);
  std::string part(10'000, ' ');
  CHECK_ERROR("file-changed", file.read(0, part.size(), part.data()));
  CHECK_ERROR("file-changed", file.check_unchanged());
}

TEST("a file that gets another time of change") {
  const std::string path = make_file("abc");
  const InputFile file(path);
  std::filesystem::last_write_time(path, std::filesystem::last_write_time(path) - std::chrono::hours(1));
  CHECK_EQ(CHECK_ERROR("file-changed", file.check_unchanged()).path, path);
}

TEST("a file that is replaced by another goes on being read as it was") {
  const std::string path = make_file("old");
  const InputFile file(path);
  std::ofstream(path + ".new") << "new";
  std::filesystem::rename(path + ".new", path);
  std::string part(3, ' ');
  file.read(0, 3, part.data());
  CHECK_EQ(part, "old");
  file.check_unchanged();
}

TEST("writing: parts in any order, kept only when finished") {
  const std::string path = scratch_folder() + "/out";
  {
    OutputFile file(path);
    file.reserve(6);
    file.write(3, 3, "def");
    file.write(0, 3, "abc");
    file.finish();
  }
  std::ifstream read(path);
  std::string content;
  read >> content;
  CHECK_EQ(content, "abcdef");

  const std::string partial = scratch_folder() + "/partial";
  {
    OutputFile file(partial);
    file.write(0, 3, "abc");
    CHECK(std::filesystem::exists(partial));
  }
  CHECK(!std::filesystem::exists(partial));
}

TEST("a file that is already there is neither overwritten nor removed") {
  const std::string path = make_file("mine");
  CHECK_EQ(CHECK_ERROR("write-failed", OutputFile(path)).path, path);
  CHECK_EQ(std::filesystem::file_size(path), 4u);
}

TEST("a folder that is missing") { CHECK_ERROR("write-failed", OutputFile(scratch_folder() + "/no/such/file")); }

TEST("a full disk has its own code") {
  CHECK_EQ(write_error(ENOSPC, "/x").code, "disk-full");
  CHECK_EQ(write_error(EDQUOT, "/x").code, "disk-full");
  CHECK_EQ(write_error(EIO, "/x").code, "write-failed");
  CHECK_EQ(write_error(ENOSPC, "/x").path, "/x");
}

TEST("more than the disk has is refused before anything is written") {
  struct statvfs space{};
  const std::string path = scratch_folder() + "/huge";
  if (::statvfs(scratch_folder().c_str(), &space) != 0) SKIP("free space is unknown here");
  const std::uint64_t too_much = (static_cast<std::uint64_t>(space.f_bavail) + 1'000'000) * space.f_frsize;
  OutputFile file(path);
  try {
    file.reserve(too_much);
  } catch (const Error& error) {
    CHECK(error.code == "disk-full" || error.code == "write-failed");
    return;
  }
  SKIP("this file system cannot reserve space");
}

TEST("matrices: aligned, zero at the start, moved and not copied, sizes checked") {
  Matrix<float> matrix(3, 5);
  CHECK_EQ(reinterpret_cast<std::uintptr_t>(matrix.data()) % alignment_bytes, 0u);
  for (std::int64_t i = 0; i < matrix.size(); ++i) CHECK_EQ(matrix.data()[i], 0.0f);
  matrix(2, 4) = 7.0f;
  CHECK_EQ(matrix.view().row_range(1, 2)(1, 4), 7.0f);
  CHECK_EQ(matrix.view().col_range(3, 2)(2, 1), 7.0f);
  const Matrix<float> twin = matrix.copy();
  const Matrix<float> moved = std::move(matrix);
  CHECK_EQ(moved(2, 4), 7.0f);
  CHECK_EQ(twin(2, 4), 7.0f);
  CHECK_EQ(matrix.size(), 0);
  CHECK(Matrix<double>(0, 4).data() == nullptr);
  bool refused = false;
  try {
    Matrix<double>(std::int64_t{1} << 40, std::int64_t{1} << 40);
  } catch (const std::bad_alloc&) {
    refused = true;
  }
  CHECK(refused);
}
