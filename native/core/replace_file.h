// Files that are there whole or not at all.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace amalgam::core {

/// Has `write` make a new file beside `path`, and when that returns puts it in the place of `path`, so that a crash
/// leaves the old or the new one. `write` brings the bytes to the disk, as OutputFile::finish does. Throws
/// Error "write-failed", "disk-full", and what `write` throws.
void replace_file(const std::string& path, const std::function<void(const std::string& temporary)>& write);
/// The same with a text.
void replace_file(const std::string& path, std::string_view text);

/// Makes what was created, renamed and removed in a folder last. Throws Error "write-failed".
void sync_folder(const std::string& folder);

}  // namespace amalgam::core
