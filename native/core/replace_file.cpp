#include "core/replace_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "core/file.h"

namespace amalgam::core {

void replace_file(const std::string& path, const std::function<void(const std::string& temporary)>& write) {
  const std::string temporary = path + ".part";
  if (::unlink(temporary.c_str()) != 0 && errno != ENOENT) throw write_error(errno, temporary);
  write(temporary);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) throw write_error(errno, path);
  const std::string folder = std::filesystem::path(path).parent_path().string();
  sync_folder(folder.empty() ? "." : folder);
}

void replace_file(const std::string& path, std::string_view text) {
  replace_file(path, [&](const std::string& temporary) {
    OutputFile file(temporary);
    file.write(0, text.size(), text.data());
    file.finish();
  });
}

void sync_folder(const std::string& folder) {
  const FileDescriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot force a folder to the disk: they have nothing of it in memory.
  if (opened.get() < 0 || (::fsync(opened.get()) != 0 && errno != EINVAL)) throw write_error(errno, folder);
}

}  // namespace amalgam::core
